package onnxruntime

import "runtime"

// Version is the release to download. The Go binding uses C API version 24, so any library from 1.24 on works.
const Version = "1.27.0"

// release says where the library for one platform comes from.
type release struct {
	platform string // name of the folder in the cache
	archive  string // archive on the release's download page
	sum      string // SHA-256 of the archive
	library  string // file in the archive's lib folder that is loaded

	npmPath string // library in the npm package; "" if it has none
	npmSum  string // SHA-256 of that file
}

const (
	downloads  = "https://github.com/microsoft/onnxruntime/releases/download/v" + Version + "/"
	npmPackage = "onnxruntime-node@" + Version
)

// releases is keyed by GOOS/GOARCH, with "+cuda" for the build with the CUDA and TensorRT providers.
var releases = map[string]release{
	"linux/amd64": {
		platform: "linux-x64",
		archive:  "onnxruntime-linux-x64-1.27.0.tgz",
		sum:      "547e40a48f1fe73e3f812d7c88a948612c23f896b91e4e2ee1e232d7b468246f",
		library:  "libonnxruntime.so.1.27.0",
		npmPath:  "package/bin/napi-v6/linux/x64/libonnxruntime.so.1",
		npmSum:   "d8aff4aa8abee8fb2abb2f2f2459ffc94461e781e41b9f7c072829dd0d470221",
	},
	"linux/arm64": {
		platform: "linux-aarch64",
		archive:  "onnxruntime-linux-aarch64-1.27.0.tgz",
		sum:      "3e4d83ac06924a32a07b6d7f91ce6f852876153fc0bbdf931bf517a140bfbe48",
		library:  "libonnxruntime.so.1.27.0",
		npmPath:  "package/bin/napi-v6/linux/arm64/libonnxruntime.so.1",
		npmSum:   "c36bc200e7e6c093b8abb0b34590fbdd8c52fd3fb5e33795b9523ffdde2fce0f",
	},
	"darwin/arm64": {
		platform: "osx-arm64",
		archive:  "onnxruntime-osx-arm64-1.27.0.tgz",
		sum:      "545e81c58152353acb0d1e8bd6ce4b62f830c0961f5b3acfedc790ffd76e477a",
		library:  "libonnxruntime.1.27.0.dylib",
		npmPath:  "package/bin/napi-v6/darwin/arm64/libonnxruntime.1.27.0.dylib",
		npmSum:   "89f692a3a1a224e4ad0b796b0e7c0bd81113b0741bfe84211eceef14d05a9e59",
	},
	"linux/amd64+cuda": {
		platform: "linux-x64-gpu_cuda12",
		archive:  "onnxruntime-linux-x64-gpu_cuda12-1.27.0.tgz",
		sum:      "3fed2d2f45f01f8bc1c1597a31afe29efd692c7ea4648d58e1844a8a0d0a48cb",
		library:  "libonnxruntime.so.1.27.0",
	},
}

// thisRelease is the release for this machine.
func thisRelease(cuda bool) (release, bool) {
	key := runtime.GOOS + "/" + runtime.GOARCH
	if cuda {
		key += "+cuda"
	}
	r, ok := releases[key]
	return r, ok
}
