// Package instead recognises what is often found in the place of a data file that was not downloaded: the pointer that Git leaves where its
// large files lie elsewhere (github.com/git-lfs/git-lfs, docs/spec.md), and the page of a site that wants a log-in.
package instead
