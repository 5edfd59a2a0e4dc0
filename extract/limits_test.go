package extract

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"iconic/extract/store"
)

// What the reader of a store refuses is refused before an image is encoded, and the same folder can be used afterwards.
func TestWhatCannotBeReadIsNotMade(t *testing.T) {
	data := folder(t, 5)
	for _, test := range []struct {
		name, want string
		change     func(c *Config)
	}{
		{"rows per shard", "shard rows 8388608: want 1 to 4194304", func(c *Config) { c.ShardRows = 1 << 23 }},
		{"parts", "shard 2000000/2000000: want at most 1048576 parts", func(c *Config) { c.Part, c.Parts = 2000000, 2000000 }},
		{"parts whose product with the images overflows", "want at most 1048576 parts", func(c *Config) { c.Part, c.Parts = 1<<62, 1<<62 }},
	} {
		t.Run(test.name, func(t *testing.T) {
			out := filepath.Join(t.TempDir(), "store")
			c := config(t, data, out)
			test.change(&c)
			if _, err := Run(t.Context(), c, Hooks{}); err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("error %v, want %q", err, test.want)
			}
			if _, err := os.Stat(out); err == nil {
				t.Error("a folder was made")
			}
			extract(t, config(t, data, out))
		})
	}
	c := config(t, data, filepath.Join(t.TempDir(), "store"))
	c.ShardRows = store.MaxShardRows
	extract(t, c)
	if s := extract(t, c); s.Changed || s.Already != 5 {
		t.Errorf("with the largest shards: %+v", s)
	}
}
