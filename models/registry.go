package models

import (
	"fmt"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"iconic/models/vit"
)

// Encoder describes a published encoder.
type Encoder struct {
	Name         string           `json:"name"`
	Title        string           `json:"title"`
	Architecture vit.Architecture `json:"architecture"`
	Position     string           `json:"position"` // how the position embedding is adapted to another grid
	Licence      string           `json:"licence"`
	Form         string           `json:"form,omitempty"`          // address at which the licence has to be accepted to get the weights; "": freely available
	URL          string           `json:"url"`                     // official weights
	SHA256Prefix string           `json:"sha256_prefix,omitempty"` // beginning of their SHA-256; "" if unknown
	Repository   string           `json:"repository"`              // the same weights for the transformers library
	Satellite    bool             `json:"satellite,omitempty"`     // trained on satellite images, which have a different mean and standard deviation
	KNN          float64          `json:"knn,omitempty"`           // top-1 accuracy on ImageNet-1k, percent, as published; 0 if not published
	Linear       float64          `json:"linear,omitempty"`
	Source       string           `json:"source"` // source of the two accuracies
}

// Preprocessing is applied to a picture before encoding: the shorter side is resized to Resize pixels, bicubic with antialiasing, then the
// central Crop×Crop pixels are scaled to [0, 1], minus Mean, divided by Std (red, green, blue).
type Preprocessing struct {
	Resize int        `json:"resize"`
	Crop   int        `json:"crop"`
	Mean   [3]float32 `json:"mean"`
	Std    [3]float32 `json:"std"`
}

// DefaultImageSize is the size at which the published accuracies were measured.
const DefaultImageSize = 224

// preprocessing is the evaluation transform of all families: 256 → 224, and proportional for other sizes.
func preprocessing(size int) Preprocessing {
	return Preprocessing{
		Resize: (size*256 + DefaultImageSize/2) / DefaultImageSize, Crop: size,
		Mean: [3]float32{0.485, 0.456, 0.406}, Std: [3]float32{0.229, 0.224, 0.225},
	}
}

const (
	host             = "https://dl.fbaipublicfiles.com/"
	transformersHost = "huggingface.co"
	transformers     = "https://" + transformersHost + "/"

	dinov3Host    = "https://dinov3.llamameta.net/" // the licence form sends signed addresses there by e-mail
	dinov3Form    = "https://ai.meta.com/resources/models-and-libraries/dinov3-downloads/"
	dinov3Licence = "DINOv3 License"

	dinoSource   = "github.com/facebookresearch/dino, README (Caron et al. 2021)"
	dinov2Source = "github.com/facebookresearch/dinov2, README (Oquab et al. 2023, Darcet et al. 2023)"

	dinov3Source = "github.com/facebookresearch/dinov3 and arXiv 2508.10104 (Siméoni et al. 2025), which give neither for this encoder"

	byScale = "bicubic by (size + 0.1) / training size"
	bySize  = "bicubic by size, antialiased"
	byTurn  = "none: queries and keys are rotated by the position of their patch, which suits every size"
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
	return append(all, dinov3()...)
}

// dinov3 lists the vision transformers of DINOv3 that were distilled from its largest model.
func dinov3() []Encoder {
	var all []Encoder
	for _, e := range []struct {
		size, letter        string
		width, depth, heads int
		hidden              int
		gated, satellite    bool
		sum                 string
	}{
		{"vits16", "S", 384, 12, 6, 4 * 384, false, false, "08c60483"},
		{"vits16plus", "S+", 384, 12, 6, 4 * 384, true, false, "4057cbaa"},
		{"vitb16", "B", 768, 12, 12, 4 * 768, false, false, "73cec8be"},
		{"vitl16", "L", 1024, 24, 16, 4 * 1024, false, false, "8aa4cbdd"},
		{"vitl16", "L", 1024, 24, 16, 4 * 1024, false, true, "eadcf0ff"},
		{"vith16plus", "H+", 1280, 32, 20, 4 * 1280, true, false, "7c1da9a5"},
	} {
		encoder := Encoder{
			Name: "dinov3-" + e.size, Title: "DINOv3 ViT-" + e.letter + "/16",
			Architecture: vit.Architecture{Family: vit.DINOv3, Width: e.width, Depth: e.depth, Heads: e.heads, Patch: 16, Registers: 4,
				Hidden: e.hidden, Gated: e.gated, Scaled: true},
			Position: byTurn, Licence: dinov3Licence, Form: dinov3Form, SHA256Prefix: e.sum, Satellite: e.satellite, Source: dinov3Source,
		}
		data := "lvd1689m"
		if e.satellite {
			data = "sat493m"
			encoder.Name += "-sat493m"
			encoder.Title += " of satellite images"
		}
		encoder.URL = fmt.Sprintf("%sdinov3_%s/dinov3_%[2]s_pretrain_%s-%s.pth", dinov3Host, e.size, data, e.sum)
		encoder.Repository = fmt.Sprintf("facebook/dinov3-%s-pretrain-%s", e.size, data)
		all = append(all, encoder)
	}
	return all
}

// Lookup finds a published encoder by its name, or by its name in the official code or the transformers library: dinov3_vits16,
// facebook/dinov3-vits16-pretrain-lvd1689m.
func Lookup(name string) (Encoder, error) {
	all := Registry()
	for _, e := range all {
		official, _, _ := strings.Cut(path.Base(e.URL), "_pretrain")
		if slices.Contains([]string{e.Name, e.Repository, path.Base(e.Repository), official}, name) {
			return e, nil
		}
	}
	names := make([]string, len(all))
	for i, e := range all {
		names[i] = e.Name
	}
	return Encoder{}, fmt.Errorf("no encoder is called %q: want %s", name, strings.Join(names, ", "))
}

// Preprocessing is the encoder's evaluation transform for pictures of size×size pixels.
func (e Encoder) Preprocessing(size int) Preprocessing {
	p := preprocessing(size)
	if e.Satellite {
		p.satellite()
	}
	return p
}

// satellite changes the transform to that of encoders trained on SAT-493M.
func (p *Preprocessing) satellite() {
	p.Mean, p.Std = [3]float32{0.430, 0.411, 0.296}, [3]float32{0.213, 0.156, 0.143}
}

// ofSatellite reports by the name of an official file whether its encoder was trained on satellite images.
func ofSatellite(file string) bool { return strings.Contains(filepath.Base(file), "sat493m") }

// repository is the page of the weights for the transformers library.
func (e Encoder) repository() string { return transformers + e.Repository }

// files are the addresses of the weights, the official one first. Weights whose licence has to be accepted are only available from the
// transformers library's repository, to the owner of a token.
func (e Encoder) files() []string {
	file := e.repository() + "/resolve/main/model.safetensors"
	if e.Form != "" {
		return []string{file}
	}
	return []string{e.URL, file}
}

// localNames are the possible names of the weights in a folder.
func (e Encoder) localNames() []string {
	var names []string
	for _, name := range []string{
		path.Base(e.URL), e.Name + ".pth", e.Name + ".safetensors", path.Join(e.Name, "model.safetensors"), path.Join(path.Base(e.Repository), "model.safetensors"), "model.safetensors",
	} {
		if !slices.Contains(names, name) {
			names = append(names, name)
		}
	}
	return names
}

// localName is the name of the weights in the cache, whatever their name at the source.
func (e Encoder) localName(from string) string {
	if name := filepath.Base(from); name == path.Base(e.URL) || name == "model.safetensors" {
		return name
	}
	if filepath.Ext(from) == ".safetensors" {
		return e.Name + ".safetensors"
	}
	return e.Name + ".pth"
}

// matches checks that weights with the encoder's name are the encoder's.
func (e Encoder) matches(a vit.Architecture) error {
	want := e.Architecture
	if want == a {
		return nil
	}
	return fmt.Errorf("weights of another encoder: want %s, found %s", want, a)
}
