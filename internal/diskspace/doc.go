// Package diskspace finds how many bytes a user may still write to a disk, and formats numbers of bytes for people. Long operations check
// it before they begin, so that a disk that is too small is reported at once and not after hours.
package diskspace
