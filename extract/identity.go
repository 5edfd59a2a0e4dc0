package extract

import (
	"encoding/json"
	"errors"
	"path"
	"path/filepath"
	"strings"

	"iconic/extract/encoder"
	"iconic/extract/pixels"
	"iconic/extract/store"
	"iconic/internal/bucket"
	"iconic/internal/cachefolder"
	"iconic/internal/identity"
)

// preprocessing is the manifest's record of what was done to an image before it was encoded.
type preprocessing struct {
	pixels.Transform
	IgnoreEXIF bool                 `json:"ignore_exif,omitempty"`
	Augment    *pixels.Augmentation `json:"augment,omitempty"` // augmentation of the views after the first
}

// Settings is everything besides the images that determines the features in a store of c. It reads the model's files for their SHA-256.
// Dim, Provider and Runtime are left out: they are known once the encoder is open.
func (c *Config) Settings() (store.Settings, error) {
	sum, err := encoder.Sum(c.Model)
	if err != nil {
		return store.Settings{}, err
	}
	how := preprocessing{Transform: c.Transform, IgnoreEXIF: c.IgnoreEXIF}
	if c.Views > 1 {
		how.Augment = &c.Augment
	}
	described, err := json.Marshal(how)
	if err != nil {
		return store.Settings{}, err
	}
	s := store.Settings{
		Encoder:       store.Encoder{Name: c.ModelName, SHA256: sum, Output: c.Encoder.Output},
		Preprocessing: described, JPEGDecoder: pixels.JPEGDecoder(), Views: c.Views, DType: "float32", ShardRows: c.ShardRows,
	}
	if c.Views > 1 {
		s.Seed = c.Seed
	}
	if c.Half {
		s.DType = "float16"
	}
	if s.ShardRows == 0 {
		s.ShardRows = DefaultShardRows
	}
	return s, nil
}

// CacheFolder is the folder in the user's cache for the features of c's data with its encoder and preprocessing. It reads the model's files
// for their SHA-256.
func CacheFolder(c Config) (string, error) {
	cache, err := cachefolder.Of(cachefolder.Features)
	if err != nil {
		return "", errors.Join(err, errors.New("give a folder for the features"))
	}
	in, err := c.cache()
	if err != nil {
		return "", err
	}
	key, err := in.Key()
	if err != nil {
		return "", err
	}
	name := path.Base(filepath.ToSlash(strings.TrimSuffix(bucket.Public(in.Data), "?…")))
	return filepath.Join(cache, name+"-"+key), nil
}

// cache is the input from which the folder's name is computed.
func (c *Config) cache() (in identity.Cache, err error) {
	data := c.Data
	if !bucket.Is(data) {
		if data, err = filepath.Abs(data); err != nil {
			return in, err
		}
	}
	sum, err := encoder.Sum(c.Model)
	if err != nil {
		return in, err
	}
	in = identity.Cache{
		Data: data, Dataset: c.Dataset, Encoder: sum, Output: c.Encoder.Output, Transform: c.Transform, IgnoreEXIF: c.IgnoreEXIF,
		Decoder: pixels.JPEGDecoder(), Views: c.Views, Half: c.Half,
	}
	if c.Views > 1 {
		in.Seed, in.Augment = c.Seed, c.Augment
	}
	return in, nil
}
