package models

import (
	"fmt"
	"path"
	"strings"

	"iconic/models/vit"
)

// Encoder describes a published encoder.
type Encoder struct {
	Name         string           `json:"name"`
	Title        string           `json:"title"`
	Architecture vit.Architecture `json:"architecture"`
	Position     string           `json:"position"` // how the position embedding is brought to another grid
	Licence      string           `json:"licence"`
	URL          string           `json:"url"`        // the official weights
	Repository   string           `json:"repository"` // the same weights for the transformers library
	KNN          float64          `json:"knn"`        // top-1 accuracy on ImageNet-1k, percent, as published
	Linear       float64          `json:"linear"`
	Source       string           `json:"source"` // of the two accuracies
}

// Preprocessing is what happens to a picture before the encoder sees it: the shorter side becomes Resize pixels,
// bicubic with antialiasing, then the middle Crop×Crop pixels, scaled to [0, 1], less Mean, over Std (red, green,
// blue).
type Preprocessing struct {
	Resize int        `json:"resize"`
	Crop   int        `json:"crop"`
	Mean   [3]float32 `json:"mean"`
	Std    [3]float32 `json:"std"`
}

// DefaultImageSize is the size at which the published accuracies were measured.
const DefaultImageSize = 224

// preprocessing is the evaluation transform of both families: 256 → 224, and in proportion for other sizes.
func preprocessing(size int) Preprocessing {
	return Preprocessing{
		Resize: (size*256 + DefaultImageSize/2) / DefaultImageSize, Crop: size,
		Mean: [3]float32{0.485, 0.456, 0.406}, Std: [3]float32{0.229, 0.224, 0.225},
	}
}

const (
	host         = "https://dl.fbaipublicfiles.com/"
	transformers = "https://huggingface.co/"

	dinoSource   = "github.com/facebookresearch/dino, README (Caron et al. 2021)"
	dinov2Source = "github.com/facebookresearch/dinov2, README (Oquab et al. 2023, Darcet et al. 2023)"

	byScale = "bicubic by (size + 0.1) / training size"
	bySize  = "bicubic by size, antialiased"
)

// Registry lists the published encoders, by family and size.
func Registry() []Encoder {
	var all []Encoder
	for _, e := range []struct {
		size         string
		width, heads int
		patch        int
		file         string
		knn, linear  float64
	}{
		{"S", 384, 6, 16, "dino_deitsmall16_pretrain", 74.5, 77.0},
		{"S", 384, 6, 8, "dino_deitsmall8_pretrain", 78.3, 79.7},
		{"B", 768, 12, 16, "dino_vitbase16_pretrain", 76.1, 78.2},
		{"B", 768, 12, 8, "dino_vitbase8_pretrain", 77.4, 80.1},
	} {
		name := fmt.Sprintf("dino-vit%s%d", strings.ToLower(e.size), e.patch)
		all = append(all, Encoder{
			Name: name, Title: fmt.Sprintf("DINO ViT-%s/%d", e.size, e.patch),
			Architecture: vit.Architecture{Family: vit.DINO, Width: e.width, Depth: 12, Heads: e.heads, Patch: e.patch, Grid: 224 / e.patch, Hidden: 4 * e.width},
			Position:     byScale, Licence: "Apache-2.0",
			URL:        host + "dino/" + e.file + "/" + e.file + ".pth",
			Repository: "facebook/" + name,
			KNN:        e.knn, Linear: e.linear, Source: dinoSource,
		})
	}
	for _, e := range []struct {
		size, letter        string
		width, depth, heads int
		hidden              int
		knn, linear         [2]float64 // without and with registers
	}{
		{"small", "S", 384, 12, 6, 4 * 384, [2]float64{79.0, 79.1}, [2]float64{81.1, 80.9}},
		{"base", "B", 768, 12, 12, 4 * 768, [2]float64{82.1, 82.0}, [2]float64{84.5, 84.6}},
		{"large", "L", 1024, 24, 16, 4 * 1024, [2]float64{83.5, 83.8}, [2]float64{86.3, 86.7}},
		{"giant", "g", 1536, 40, 24, 4096, [2]float64{83.5, 83.7}, [2]float64{86.5, 87.1}},
	} {
		for i, registers := range []int{0, 4} {
			folder := "dinov2_vit" + strings.ToLower(e.letter) + "14"
			encoder := Encoder{
				Name: "dinov2-" + e.size, Title: "DINOv2 ViT-" + e.letter + "/14",
				Architecture: vit.Architecture{Family: vit.DINOv2, Width: e.width, Depth: e.depth, Heads: e.heads, Patch: 14, Grid: 37,
					Registers: registers, Hidden: e.hidden, Gated: e.size == "giant", Scaled: true},
				Position: byScale, Licence: "Apache-2.0",
				URL:        host + "dinov2/" + folder + "/" + folder + "_pretrain.pth",
				Repository: "facebook/dinov2-" + e.size,
				KNN:        e.knn[i], Linear: e.linear[i], Source: dinov2Source,
			}
			if registers > 0 {
				encoder.Name += "-reg4"
				encoder.Title += " with 4 registers"
				encoder.Position = bySize
				encoder.URL = host + "dinov2/" + folder + "/" + folder + "_reg4_pretrain.pth"
				encoder.Repository = "facebook/dinov2-with-registers-" + e.size
			}
			all = append(all, encoder)
		}
	}
	return all
}

// Lookup finds an encoder by its name.
func Lookup(name string) (Encoder, error) {
	all := Registry()
	for _, e := range all {
		if e.Name == name {
			return e, nil
		}
	}
	names := make([]string, len(all))
	for i, e := range all {
		names[i] = e.Name
	}
	return Encoder{}, fmt.Errorf("no encoder is called %q: want %s, %s, or a file (.onnx, .pth, .safetensors)", name, TinyName, strings.Join(names, ", "))
}

// Preprocessing is the encoder's evaluation transform for pictures of size×size pixels.
func (e Encoder) Preprocessing(size int) Preprocessing { return preprocessing(size) }

// files are the addresses of the weights, the official one first.
func (e Encoder) files() []string {
	return []string{e.URL, transformers + e.Repository + "/resolve/main/model.safetensors"}
}

// localNames are the names under which a folder may hold the weights.
func (e Encoder) localNames() []string {
	return []string{path.Base(e.URL), e.Name + ".pth", e.Name + ".safetensors", path.Join(e.Name, "model.safetensors")}
}

// matches checks that weights called by the encoder's name are the encoder's.
func (e Encoder) matches(a vit.Architecture) error {
	want := e.Architecture
	if want == a {
		return nil
	}
	return fmt.Errorf("weights of another encoder: want %s and found %s", want, a)
}
