// Package synthetic draws labelled pictures for the demo and for tests: ten classes that differ in shape and texture.
//
// Colours, place, size, rotation, lighting and noise vary within every class and are drawn the same way for all, so that
// neither the mean colour nor single pixels tell the classes apart. A picture depends on (class, seed, size) alone.
package synthetic
