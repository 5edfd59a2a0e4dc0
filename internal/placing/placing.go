package placing

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/cases"
	"golang.org/x/text/unicode/norm"

	"iconic/internal/atomicfile"
	"iconic/internal/regular"
)

// Tries is the number of names, Numbered from 1, that are tried for a file.
const Tries = 1000

// longestName is the number of bytes that file systems allow for a name.
const longestName = 255

// Copy writes content to the first of the names, or to "name (2)" and so on if other files have the names before; if all Tries are taken, to the next of the
// names in the same way. It returns the name of the file with the content, which may have existed before. It creates missing folders. The copy gets the given
// modification time, or the current one if that is zero.
func Copy(names []string, content []byte, modified time.Time) (string, error) {
	return firstFree(names, func(name string) error {
		err := atomicfile.WriteNew(name, content, modified)
		if errors.Is(err, fs.ErrExist) && holds(name, content) {
			return nil
		}
		return err
	})
}

// holds reports whether a regular file has this content.
func holds(name string, content []byte) bool {
	stat, err := os.Lstat(name)
	if err != nil || !stat.Mode().IsRegular() || stat.Size() != int64(len(content)) {
		return false
	}
	there, err := regular.Read(name)
	return err == nil && bytes.Equal(there, content)
}

// Link makes a symbolic link to target, an absolute path, under the first free one of the names, as Copy does. It returns the name of
// the link, which may have existed before.
func Link(names []string, target string) (string, error) {
	return firstFree(names, func(name string) error {
		err := os.Symlink(target, name)
		if errors.Is(err, fs.ErrExist) {
			if to, rerr := os.Readlink(name); rerr == nil && to == target {
				return nil
			}
		}
		return err
	})
}

// firstFree creates the folder of a name and calls put with the name, then with "name (2)" and so on while put reports that the name is in use.
func firstFree(names []string, put func(name string) error) (string, error) {
	for _, name := range names {
		if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
			return "", err
		}
		for n := 1; n <= Tries; n++ {
			numbered := Numbered(name, n)
			if err := put(numbered); !errors.Is(err, fs.ErrExist) {
				return numbered, err
			}
		}
	}
	return "", fmt.Errorf("%s and %d numbered names after it are used by other files", names[len(names)-1], Tries-1)
}

// Numbered is the nth name to try for a file: name itself, then "stem (2).ext" and so on. The stem is shortened if the name would be too
// long for a file system.
func Numbered(name string, n int) string {
	if n < 2 {
		return name
	}
	folder, base := filepath.Split(name)
	ext := filepath.Ext(base)
	if len(ext) > 16 { // a dot somewhere in a long name, not an extension
		ext = ""
	}
	number := fmt.Sprintf(" (%d)", n)
	stem := cut(strings.TrimSuffix(base, ext), longestName-len(number)-len(ext))
	return folder + stem + number + ext
}

// Alike is the same for names that some file systems, such as those of macOS and Windows, take for one: names that differ only in upper and lower case or in
// how Unicode composes their letters.
func Alike(name string) string {
	if !utf8.ValidString(name) {
		return name
	}
	return norm.NFC.String(cases.Fold().String(norm.NFC.String(name)))
}

// cut is the longest prefix of s of at most n bytes that does not end in the middle of a rune, if s is valid.
func cut(s string, n int) string {
	if len(s) <= n {
		return s
	}
	if utf8.ValidString(s) {
		for n > 0 && !utf8.RuneStart(s[n]) {
			n--
		}
	}
	return s[:n]
}

// Folder is the name of a cluster's folder: its number, so that clusters with equal names have different folders, followed by as much of
// the cluster's name as a folder's name can contain.
func Folder(cluster int, name string) string {
	name = strings.Map(func(r rune) rune {
		if r == '/' || r == '\\' || strings.ContainsRune(`:*?"<>|`, r) || !unicode.IsPrint(r) {
			return '_'
		}
		return r
	}, name)
	name = strings.Trim(cut(strings.Trim(name, " ."), 100), " .")
	if name == "" {
		return fmt.Sprintf("cluster-%03d", cluster)
	}
	return fmt.Sprintf("cluster-%03d %s", cluster, name)
}

// Locals turns an item's path, with slashes, into paths below the folder that the item is sorted into, of which the first with a free name is used (Copy): the same
// path or, of one that is absolute or points outside its folder, the last element, then the whole path below its root. Lists may have any number of such paths
// that end alike.
func Locals(item string) []string {
	local := filepath.FromSlash(item)
	if filepath.IsLocal(local) {
		return []string{filepath.Clean(local)}
	}
	clean := path.Clean("/" + strings.TrimPrefix(filepath.ToSlash(local), filepath.ToSlash(filepath.VolumeName(local))))
	base, whole := path.Base(clean), filepath.FromSlash(clean[1:])
	if whole == base || !filepath.IsLocal(whole) {
		return []string{base}
	}
	return []string{base, whole}
}

// Within reports whether a path, which need not exist, is folder or lies below it once symbolic links are followed.
func Within(name, folder string) bool {
	relative, err := filepath.Rel(resolved(folder), resolved(name))
	return err == nil && filepath.IsLocal(relative)
}

// resolved is the absolute path of name, with symbolic links followed as far as it exists.
func resolved(name string) string {
	name, err := filepath.Abs(name)
	if err != nil {
		return name
	}
	for head, rest := name, ""; ; head, rest = filepath.Dir(head), filepath.Join(filepath.Base(head), rest) {
		if real, err := filepath.EvalSymlinks(head); err == nil {
			return filepath.Join(real, rest)
		}
		if head == filepath.Dir(head) {
			return name
		}
	}
}
