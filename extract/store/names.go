package store

import (
	"fmt"
	"path/filepath"
	"strings"

	"iconic/internal/owned"
)

// Names in a store's folder.
const (
	ManifestName = owned.StoreManifest // written last: a folder without it has no finished store
	ItemsName    = owned.StoreItems
	PartialName  = owned.StorePartial // folder of shards that are not part of the store yet, with SettingsName and journals
	SettingsName = owned.StoreSettings
	lockName     = ".lock"
)

// PartBegin is how the names of the folders of parts begin.
const PartBegin = "part-"

// PartName is the name of a part's folder, for a part from 1: "part-00002-of-00004".
func PartName(part, parts int) string { return fmt.Sprintf(PartBegin+"%05d-of-%05d", part, parts) }

// ParsePart reads the numbers in the name of a part's folder; ok is false if they are not those of a part.
func ParsePart(name string) (part, parts int, ok bool) {
	_, err := fmt.Sscanf(name, PartBegin+"%d-of-%d", &part, &parts)
	return part, parts, err == nil && part >= 1 && part <= parts
}

func shardName(i int) string { return owned.StoreShard(i) }

// Shards is a pattern of the names of shards.
const Shards = owned.StoreShards

// IsShard reports whether a name in a store's folder is that of a shard.
func IsShard(name string) bool { return owned.IsShard(name) }

// IsFile reports whether a path below a store's folder, with slashes, is that of a file of the store or of its unfinished shards, and not of a part or
// of anybody else.
func IsFile(name string) bool {
	if !filepath.IsLocal(name) {
		return false
	}
	if base, in := strings.CutPrefix(name, PartialName+"/"); in {
		return !strings.Contains(base, "/") && owned.IsPartial(base)
	}
	return name == ManifestName || name == ItemsName || IsShard(name)
}
