// Package synthetic draws labelled pictures for the demo and for tests: ten classes that differ in shape and texture.
//
// Colours, position, size, rotation, lighting and noise vary within every class and have the same distribution for all, so that neither the
// mean colour nor single pixels distinguish the classes. A picture depends only on (class, seed, size).
package synthetic
