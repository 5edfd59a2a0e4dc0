//go:build unix

package onnxruntime

/*
#cgo LDFLAGS: -ldl
#include <dlfcn.h>
#include <stdlib.h>

// The head of OrtApiBase, the one part of the C API that never changes.
typedef struct {
	const void *(*get_api)(unsigned int version);
	const char *(*version_string)(void);
} api_base;

// version_string asks a loaded library for its version; NULL if it is no ONNX Runtime.
static const char *version_string(void *library) {
	const api_base *(*get)(void) = (const api_base *(*)(void))dlsym(library, "OrtGetApiBase");
	const api_base *base = get ? get() : NULL;
	return base ? base->version_string() : NULL;
}
*/
import "C"

import (
	"errors"
	"fmt"
	"runtime"
	"strings"
	"unsafe"
)

// versionOf loads the library at path, asks for its version and unloads it.
func versionOf(path string) (string, error) {
	if err := whole(path); err != nil {
		return "", err
	}
	runtime.LockOSThread() // dlerror is per thread
	defer runtime.UnlockOSThread()
	name := C.CString(path)
	defer C.free(unsafe.Pointer(name))
	library := C.dlopen(name, C.RTLD_LAZY|C.RTLD_LOCAL)
	if library == nil {
		// The loader's message begins with the path, except on some systems.
		reason := strings.TrimPrefix(C.GoString(C.dlerror()), path+": ")
		return "", fmt.Errorf("%s cannot be loaded: %s", path, reason)
	}
	defer C.dlclose(library)
	version := C.version_string(library)
	if version == nil {
		return "", errors.New(path + " is not an ONNX Runtime library")
	}
	return C.GoString(version), nil
}
