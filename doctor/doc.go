// Package doctor examines a machine: the ONNX Runtime library and the providers that load, the processor and the kernels that run on it,
// and whether a planned feature store fits on the disk. It returns what it finds; Findings.Err says what prevents an extraction.
package doctor
