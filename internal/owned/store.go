package owned

import (
	"encoding/json"
	"fmt"
	"path"
	"path/filepath"
	"strings"

	"iconic/internal/regular"
)

// Names in the folder of a feature store.
const (
	StoreManifest = "manifest.json"
	StoreItems    = "items.jsonl"
	StoreShards   = "features-[0-9]*.npy" // a pattern
	StorePartial  = ".partial"            // folder of unfinished shards, with StoreSettings and journals
	StoreSettings = "settings.json"
	StoreFormat   = "iconic feature store" // what its manifest states as its format
)

// StoreShard is the name of shard i of a store, from 0.
func StoreShard(i int) string { return fmt.Sprintf("features-%05d.npy", i) }

// IsShard reports whether a name in a store's folder is that of a shard.
func IsShard(name string) bool {
	shard, err := path.Match(StoreShards, name)
	return err == nil && shard
}

// IsPartial reports whether a name in StorePartial is that of a file of unfinished shards.
func IsPartial(name string) bool {
	return name == StoreSettings || strings.HasSuffix(name, ".npy") || strings.HasSuffix(name, ".journal")
}

// Store is the folder of the feature store to which a file belongs, or would belong if it was written, whatever link leads there; "" if there is none.
func Store(file string) string {
	for _, name := range regular.Names(file) {
		dir, base := filepath.Dir(name), filepath.Base(name)
		if (IsShard(base) || base == StoreManifest || base == StoreItems) && isStore(dir) {
			return dir
		}
		if IsPartial(base) && filepath.Base(dir) == StorePartial && exists(dir, StoreSettings) {
			return filepath.Dir(dir)
		}
	}
	return ""
}

// isStore reports whether a folder is a store: other programs have a manifest.json, too. A damaged one is known by a shard.
func isStore(dir string) bool {
	var m struct {
		Format string `json:"format"`
	}
	content, err := regular.Read(filepath.Join(dir, StoreManifest))
	if err == nil && json.Unmarshal(content, &m) == nil && m.Format == StoreFormat {
		return true
	}
	return exists(dir, StoreManifest) && exists(dir, StoreShard(0))
}
