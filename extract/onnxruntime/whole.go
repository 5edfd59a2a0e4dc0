package onnxruntime

import (
	"debug/elf"
	"debug/macho"
	"errors"
	"fmt"
	"os"
	"runtime"
)

// whole refuses a library whose file ends before the content its headers describe: a loader that maps such a file crashes instead of
// reporting an error.
func whole(path string) error {
	stat, err := os.Stat(path)
	if err != nil {
		return err
	}
	var end uint64
	switch runtime.GOOS {
	case "darwin":
		end, err = endOfMachO(path)
	case "windows":
		return nil // this system's loader checks it
	default:
		end, err = endOfELF(path)
	}
	if err != nil {
		return fmt.Errorf("%s cannot be loaded: it is not a library for this system, or is truncated (%w)", path, err)
	}
	if end > uint64(stat.Size()) {
		return fmt.Errorf("%s cannot be loaded: it is truncated, with %d bytes of at least %d", path, stat.Size(), end)
	}
	return nil
}

// endOfELF is the offset at which the last segment or section ends.
func endOfELF(path string) (end uint64, err error) {
	f, err := elf.Open(path)
	if err != nil {
		return 0, err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	for _, p := range f.Progs {
		end = max(end, p.Off+p.Filesz)
	}
	for _, s := range f.Sections {
		if s.Type != elf.SHT_NOBITS {
			end = max(end, s.Offset+s.FileSize)
		}
	}
	return end, nil
}

// endOfMachO is the offset at which the last segment ends.
func endOfMachO(path string) (end uint64, err error) {
	f, err := macho.Open(path)
	if err != nil {
		fat, fatErr := macho.OpenFat(path)
		if fatErr != nil {
			return 0, err
		}
		defer func() { err = errors.Join(err, fat.Close()) }()
		for _, arch := range fat.Arches {
			end = max(end, uint64(arch.Offset)+uint64(arch.Size))
		}
		return end, nil
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	for _, load := range f.Loads {
		if s, ok := load.(*macho.Segment); ok {
			end = max(end, s.Offset+s.Filesz)
		}
	}
	return end, nil
}
