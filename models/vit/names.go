package vit

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"

	"iconic/models/weights"
)

// scheme maps the roles of tensors to the names that one project gives them; %d is the number of the block.
type scheme struct {
	project string
	anchor  string // a name that no other scheme has, by which this one and its prefix are found
	once    map[role]string
	block   map[role]string
	unused  []string // known to play no part in computing features
}

// role is what a tensor is for, whatever its name.
type role string

const (
	classToken  role = "class token"
	maskToken   role = "mask token"
	registers   role = "registers"
	position    role = "position embedding"
	patchWeight role = "patch weight"
	patchBias   role = "patch bias"
	normWeight  role = "norm weight"
	normBias    role = "norm bias"
	norm1Weight role = "norm 1 weight"
	norm1Bias   role = "norm 1 bias"
	norm2Weight role = "norm 2 weight"
	norm2Bias   role = "norm 2 bias"
	qkvWeight   role = "qkv weight" // query, key and value stacked
	qkvBias     role = "qkv bias"
	queryWeight role = "query weight"
	queryBias   role = "query bias"
	keyWeight   role = "key weight"
	keyBias     role = "key bias"
	valueWeight role = "value weight"
	valueBias   role = "value bias"
	projWeight  role = "attention output weight"
	projBias    role = "attention output bias"
	scale1      role = "layer scale 1"
	scale2      role = "layer scale 2"
	fc1Weight   role = "feed-forward 1 weight"
	fc1Bias     role = "feed-forward 1 bias"
	fc2Weight   role = "feed-forward 2 weight"
	fc2Bias     role = "feed-forward 2 bias"
	gateWeight  role = "SwiGLU in weight" // gate and value stacked
	gateBias    role = "SwiGLU in bias"
	gatedWeight role = "SwiGLU out weight"
	gatedBias   role = "SwiGLU out bias"
)

// What the transformers library calls alike in all its vision transformers.
var (
	transformersOnce = map[role]string{
		classToken: "embeddings.cls_token", position: "embeddings.position_embeddings",
		patchWeight: "embeddings.patch_embeddings.projection.weight", patchBias: "embeddings.patch_embeddings.projection.bias",
		normWeight: "layernorm.weight", normBias: "layernorm.bias",
	}
	transformersAttention = map[role]string{
		queryWeight: "encoder.layer.%d.attention.attention.query.weight",
		queryBias:   "encoder.layer.%d.attention.attention.query.bias",
		keyWeight:   "encoder.layer.%d.attention.attention.key.weight",
		keyBias:     "encoder.layer.%d.attention.attention.key.bias",
		valueWeight: "encoder.layer.%d.attention.attention.value.weight",
		valueBias:   "encoder.layer.%d.attention.attention.value.bias",
		projWeight:  "encoder.layer.%d.attention.output.dense.weight",
		projBias:    "encoder.layer.%d.attention.output.dense.bias",
	}
)

var schemes = []scheme{
	{
		project: "official",
		anchor:  "patch_embed.proj.weight",
		once: map[role]string{
			classToken: "cls_token", maskToken: "mask_token", registers: "register_tokens", position: "pos_embed",
			patchWeight: "patch_embed.proj.weight", patchBias: "patch_embed.proj.bias",
			normWeight: "norm.weight", normBias: "norm.bias",
		},
		block: map[role]string{
			norm1Weight: "blocks.%d.norm1.weight", norm1Bias: "blocks.%d.norm1.bias",
			norm2Weight: "blocks.%d.norm2.weight", norm2Bias: "blocks.%d.norm2.bias",
			qkvWeight: "blocks.%d.attn.qkv.weight", qkvBias: "blocks.%d.attn.qkv.bias",
			projWeight: "blocks.%d.attn.proj.weight", projBias: "blocks.%d.attn.proj.bias",
			scale1: "blocks.%d.ls1.gamma", scale2: "blocks.%d.ls2.gamma",
			fc1Weight: "blocks.%d.mlp.fc1.weight", fc1Bias: "blocks.%d.mlp.fc1.bias",
			fc2Weight: "blocks.%d.mlp.fc2.weight", fc2Bias: "blocks.%d.mlp.fc2.bias",
			gateWeight: "blocks.%d.mlp.w12.weight", gateBias: "blocks.%d.mlp.w12.bias",
			gatedWeight: "blocks.%d.mlp.w3.weight", gatedBias: "blocks.%d.mlp.w3.bias",
		},
	},
	{
		project: "transformers DINOv2",
		anchor:  "encoder.layer.0.norm1.weight",
		once: joined(transformersOnce, map[role]string{
			maskToken: "embeddings.mask_token", registers: "embeddings.register_tokens",
		}),
		block: joined(transformersAttention, map[role]string{
			norm1Weight: "encoder.layer.%d.norm1.weight", norm1Bias: "encoder.layer.%d.norm1.bias",
			norm2Weight: "encoder.layer.%d.norm2.weight", norm2Bias: "encoder.layer.%d.norm2.bias",
			scale1: "encoder.layer.%d.layer_scale1.lambda1", scale2: "encoder.layer.%d.layer_scale2.lambda1",
			fc1Weight: "encoder.layer.%d.mlp.fc1.weight", fc1Bias: "encoder.layer.%d.mlp.fc1.bias",
			fc2Weight: "encoder.layer.%d.mlp.fc2.weight", fc2Bias: "encoder.layer.%d.mlp.fc2.bias",
			gateWeight: "encoder.layer.%d.mlp.weights_in.weight", gateBias: "encoder.layer.%d.mlp.weights_in.bias",
			gatedWeight: "encoder.layer.%d.mlp.weights_out.weight", gatedBias: "encoder.layer.%d.mlp.weights_out.bias",
		}),
	},
	{
		project: "transformers ViT",
		anchor:  "encoder.layer.0.layernorm_before.weight",
		once:    transformersOnce,
		block: joined(transformersAttention, map[role]string{
			norm1Weight: "encoder.layer.%d.layernorm_before.weight", norm1Bias: "encoder.layer.%d.layernorm_before.bias",
			norm2Weight: "encoder.layer.%d.layernorm_after.weight", norm2Bias: "encoder.layer.%d.layernorm_after.bias",
			fc1Weight: "encoder.layer.%d.intermediate.dense.weight", fc1Bias: "encoder.layer.%d.intermediate.dense.bias",
			fc2Weight: "encoder.layer.%d.output.dense.weight", fc2Bias: "encoder.layer.%d.output.dense.bias",
		}),
		unused: []string{"pooler.dense.weight", "pooler.dense.bias"},
	},
}

// joined is the union of two tables.
func joined(a, b map[role]string) map[role]string {
	all := maps.Clone(a)
	maps.Copy(all, b)
	return all
}

// key is one tensor's place in the encoder; block is −1 for what there is once.
type key struct {
	role  role
	block int
}

// layout says under which name each part of the encoder lies in a file, and in which shape.
type layout struct {
	scheme *scheme
	prefix string
	depth  int
	parts  map[key]weights.Tensor
}

// find recognises the names of a file. Names may share a prefix ("backbone.", "dinov2.").
func find(tensors []weights.Tensor) (*layout, error) {
	l := &layout{parts: map[key]weights.Tensor{}}
	var seen []string
	for i := range schemes {
		for _, t := range tensors {
			if prefix, ok := strings.CutSuffix(t.Name, schemes[i].anchor); ok && (prefix == "" || strings.HasSuffix(prefix, ".")) {
				l.scheme, l.prefix = &schemes[i], prefix
				seen = append(seen, t.Name)
			}
		}
	}
	switch len(seen) {
	case 0:
		return nil, fmt.Errorf("not the weights of a DINO or DINOv2 vision transformer: of its %d tensors (%s) none is the patch embedding of one, under the official or the transformers library's names", len(tensors), some(names(tensors)))
	case 1:
	default:
		return nil, fmt.Errorf("more than one encoder in the file (%s): import a file that holds one", strings.Join(seen, ", "))
	}
	return l, l.assign(tensors)
}

// assign gives every tensor its role, and collects those that have none.
func (l *layout) assign(tensors []weights.Tensor) error {
	once, block := invert(l.scheme.once), invert(l.scheme.block)
	var extra []string
	for _, t := range tensors {
		name, ours := strings.CutPrefix(t.Name, l.prefix)
		if r, ok := once[name]; ours && ok {
			l.parts[key{r, -1}] = t
			continue
		}
		if pattern, number, ok := split(name); ours && ok {
			if r, ok := block[pattern]; ok {
				l.parts[key{r, number}] = t
				l.depth = max(l.depth, number+1)
				continue
			}
		}
		if !ours || !slices.Contains(l.scheme.unused, name) {
			extra = append(extra, t.Name)
		}
	}
	return l.complete(extra)
}

// complete checks that what must be there is, and that nothing else is.
func (l *layout) complete(extra []string) error {
	var missing []string
	need := func(block int, roles ...role) {
		for _, r := range roles {
			if !l.has(r, block) {
				missing = append(missing, l.name(r, block))
			}
		}
	}
	need(-1, classToken, position, patchWeight, patchBias, normWeight, normBias)
	for b := range l.depth {
		need(b, norm1Weight, norm1Bias, norm2Weight, norm2Bias, projWeight, projBias)
		if l.scheme.block[qkvWeight] != "" {
			need(b, qkvWeight)
		} else {
			need(b, queryWeight, keyWeight, valueWeight)
		}
		// What the first block has, all have.
		for _, r := range []role{scale1, scale2, qkvBias, queryBias, keyBias, valueBias} {
			if l.has(r, 0) {
				need(b, r)
			} else if l.has(r, b) {
				extra = append(extra, l.name(r, b))
			}
		}
		if l.gated() {
			need(b, gateWeight, gateBias, gatedWeight, gatedBias)
		} else {
			need(b, fc1Weight, fc1Bias, fc2Weight, fc2Bias)
		}
	}
	if len(missing)+len(extra) == 0 {
		return nil
	}
	var what []string
	if len(missing) > 0 {
		slices.Sort(missing)
		what = append(what, "missing: "+some(missing))
	}
	if len(extra) > 0 {
		slices.Sort(extra)
		what = append(what, "not part of one: "+some(extra))
	}
	return fmt.Errorf("a vision transformer of %d blocks under %s names, but %s", l.depth, l.scheme.project, strings.Join(what, "; "))
}

func compareKeys(a, b key) int {
	return cmp.Or(cmp.Compare(a.block, b.block), cmp.Compare(a.role, b.role))
}

func (l *layout) has(r role, block int) bool { _, ok := l.parts[key{r, block}]; return ok }

// gated tells a SwiGLU feed-forward network from a plain one.
func (l *layout) gated() bool { return l.has(gateWeight, 0) }

// name is what a part is called in the file, whether it is there or not.
func (l *layout) name(r role, block int) string {
	if block < 0 {
		return l.prefix + l.scheme.once[r]
	}
	return l.prefix + fmt.Sprintf(l.scheme.block[r], block)
}

func invert(m map[role]string) map[string]role {
	out := make(map[string]role, len(m))
	for r, name := range m {
		out[name] = r
	}
	return out
}

// split takes the first number out of a name: blocks.3.norm1.bias → blocks.%d.norm1.bias, 3.
func split(name string) (pattern string, number int, ok bool) {
	parts := strings.Split(name, ".")
	for i, p := range parts {
		if p == "" || len(p) > 4 || strings.Trim(p, "0123456789") != "" || len(p) > 1 && p[0] == '0' {
			continue
		}
		for _, c := range p {
			number = 10*number + int(c-'0')
		}
		parts[i] = "%d"
		return strings.Join(parts, "."), number, true
	}
	return "", 0, false
}

func names(tensors []weights.Tensor) []string {
	out := make([]string, len(tensors))
	for i, t := range tensors {
		out[i] = t.Name
	}
	return out
}

// some lists at most five names.
func some(names []string) string {
	const most = 5
	if len(names) <= most {
		return cmp.Or(strings.Join(names, ", "), "none")
	}
	return fmt.Sprintf("%s and %d more", strings.Join(names[:most], ", "), len(names)-most)
}
