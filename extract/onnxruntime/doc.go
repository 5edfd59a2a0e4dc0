// Package onnxruntime finds the ONNX Runtime shared library, and downloads it once if there is none.
//
// Find tries, in this order,
//
//  1. the given path or, without one, the path in the environment variable ONNXRUNTIME_LIB: if either is set, nothing else is tried;
//  2. the user cache, <os.UserCacheDir>/iconic/onnxruntime/<version>-<platform>/;
//  3. the system's library path, where a library must have version 1.24 or later;
//  4. the official release archive at github.com/microsoft/onnxruntime, which is downloaded into the cache;
//  5. if that cannot be reached, the same library in the npm package onnxruntime-node, through the npm client.
//
// A download is compared with a SHA-256 recorded here before a byte of it is used. It appears in the cache completely or not at all, with a
// seal (internal/seal), so that later truncation or changes are noticed and it is downloaded again. Two processes download it once; a lock
// is held only to unpack an archive, and by the npm client on behalf of others that would run it as well.
package onnxruntime
