package store

import (
	"fmt"
	"path"
	"path/filepath"
	"strings"
)

// Names in a store's folder.
const (
	ManifestName = "manifest.json" // written last: a folder without it has no finished store
	ItemsName    = "items.jsonl"
	PartialName  = ".partial" // folder of shards that are not part of the store yet, with SettingsName and journals
	SettingsName = "settings.json"
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

func shardName(i int) string { return fmt.Sprintf("features-%05d.npy", i) }

// Shards is a pattern of the names of shards.
const Shards = "features-[0-9]*.npy"

// IsShard reports whether a name in a store's folder is that of a shard.
func IsShard(name string) bool {
	shard, err := path.Match(Shards, name)
	return err == nil && shard
}

// IsFile reports whether a path below a store's folder, with slashes, is that of a file of the store or of its unfinished shards, and not of a part or
// of anybody else.
func IsFile(name string) bool {
	if !filepath.IsLocal(name) {
		return false
	}
	if base, in := strings.CutPrefix(name, PartialName+"/"); in {
		return !strings.Contains(base, "/") && (base == SettingsName || strings.HasSuffix(base, ".npy") || strings.HasSuffix(base, ".journal"))
	}
	return name == ManifestName || name == ItemsName || IsShard(name)
}
