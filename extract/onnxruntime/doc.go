// Package onnxruntime finds the ONNX Runtime shared library, and fetches it once where there is none.
//
// Find looks, in this order, at
//
//  1. the path it is given, else the one in the environment variable ONNXRUNTIME_LIB: nothing else is tried then;
//  2. the user cache, <os.UserCacheDir>/iconic/onnxruntime/<version>-<platform>/;
//  3. the system's library path, where a library must be of version 1.24 or later;
//  4. the official release archive at github.com/microsoft/onnxruntime, which is fetched into the cache;
//  5. where that is out of reach, the same library in the npm package onnxruntime-node, through the npm client.
//
// Whatever is fetched is compared with a SHA-256 kept here before a byte of it is used, and appears in the cache whole or not at
// all, with a seal (internal/seal): should it be cut short or changed later on, that is noticed and it is fetched again. Two processes
// fetch it once; a lock is held only to unpack what has come, and by the npm client on behalf of those who would call it as well.
package onnxruntime
