package store

import (
	"encoding/json"
	"testing"

	"iconic/internal/identitytest"
)

// Stores are compared field by field. The differences are reported to the user.
func TestEverySettingThatDiffersIsNoticed(t *testing.T) {
	base := func() Settings {
		return Settings{
			Encoder: Encoder{Name: "e", SHA256: "ab", Output: "cls"}, Preprocessing: json.RawMessage(`{"crop":16}`), JPEGDecoder: "go",
			Provider: "cpu", Runtime: "1.27.0", Views: 1, DType: "float32", Dim: 3, ShardRows: 8,
		}
	}
	noticed := identitytest.In[Settings]("differs")
	identitytest.Check(t, base, func(s Settings) (map[string]string, error) {
		return map[string]string{"differs": s.differs(base())}, nil
	}, map[string]identitytest.Rule[Settings]{
		"Encoder.Name":   identitytest.Out[Settings]("it is for people: an encoder is identified by its SHA-256"),
		"Encoder.SHA256": noticed, "Encoder.Output": noticed,
		"Preprocessing": {In: noticed.In, Change: func(s *Settings) { s.Preprocessing = json.RawMessage(`{"crop":17}`) }},
		"JPEGDecoder":   noticed, "Provider": noticed, "Runtime": noticed, "Views": noticed, "Seed": noticed, "DType": noticed, "Dim": noticed,
		"ShardRows": noticed, // compared when parts are merged; a store that is updated keeps its own
	})
}
