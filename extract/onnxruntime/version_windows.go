package onnxruntime

import (
	"errors"
	"fmt"
	"syscall"
	"unsafe"
)

// versionOf loads the library at path, asks for its version and unloads it.
func versionOf(path string) (string, error) {
	library, err := syscall.LoadDLL(path)
	if err != nil {
		return "", fmt.Errorf("%s cannot be loaded: %w", path, err)
	}
	defer library.Release()
	get, err := library.FindProc("OrtGetApiBase")
	if err != nil {
		return "", errors.New(path + " is not an ONNX Runtime library")
	}
	base, _, _ := get.Call()
	if base == 0 {
		return "", errors.New(path + " is not an ONNX Runtime library")
	}
	// OrtApiBase holds two functions: one returns the API of a version, one the version as a string.
	functions := *(**[2]uintptr)(unsafe.Pointer(&base))
	text, _, _ := syscall.SyscallN(functions[1])
	var version []byte
	for p := *(*unsafe.Pointer)(unsafe.Pointer(&text)); p != nil && *(*byte)(p) != 0; p = unsafe.Add(p, 1) {
		version = append(version, *(*byte)(p))
	}
	return string(version), nil
}
