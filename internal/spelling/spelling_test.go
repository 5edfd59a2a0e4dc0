package spelling

import "testing"

func TestMeant(t *testing.T) {
	names := []string{"clusters", "method", "moco", "simclr", "infonce-clustering"}
	for name, want := range map[string]string{
		"cluster": "clusters", "metod": "method", "simlcr": "simclr", "nosuch": "", "infonce-clusterin": "infonce-clustering", "info-clustering": "infonce-clustering", "": "",
	} {
		if got := Meant(name, names); got != want {
			t.Errorf("%q: %q, want %q", name, got, want)
		}
	}
}
