package vit

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"iconic/models/weights"
)

// scheme maps the roles of tensors to the names in one project; %d is the number of the block.
type scheme struct {
	project string
	anchor  string // a name unique to this scheme, by which it and its prefix are recognised
	once    map[role]string
	block   map[role]string
	alias   map[string]role // alternative names: timm's, DINOv3's
	rotary  bool            // no encoder with these names has a position embedding: all rotate queries and keys
	unused  []string        // known to play no part in computing features
}

// role is the purpose of a tensor, whatever its name.
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
	siluWeight  role = "SwiGLU gate weight" // if gate and value are two layers
	siluBias    role = "SwiGLU gate bias"
	valWeight   role = "SwiGLU value weight"
	valBias     role = "SwiGLU value bias"
	qkvMask     role = "qkv bias mask" // 0 where DINOv3 has no bias: on the keys
	periods     role = "rotary periods"
	frequencies role = "rotary frequencies" // the inverse periods
	classNormW  role = "class norm weight"  // if class token and patches have separate norms
	classNormB  role = "class norm bias"
)

// Names common to all vision transformers of the transformers library.
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
		alias: map[string]role{
			"reg_token": registers, "storage_tokens": registers, "rope_embed.periods": periods, "rope.periods": periods,
			"cls_norm.weight": classNormW, "cls_norm.bias": classNormB,
			"blocks.%d.gamma_1": scale1, "blocks.%d.gamma_2": scale2,
			"blocks.%d.attn.qkv.bias_mask": qkvMask,
			"blocks.%d.attn.q_bias":        queryBias, "blocks.%d.attn.k_bias": keyBias, "blocks.%d.attn.v_bias": valueBias,
			"blocks.%d.attn.q_proj.weight": queryWeight, "blocks.%d.attn.q_proj.bias": queryBias,
			"blocks.%d.attn.k_proj.weight": keyWeight, "blocks.%d.attn.k_proj.bias": keyBias,
			"blocks.%d.attn.v_proj.weight": valueWeight, "blocks.%d.attn.v_proj.bias": valueBias,
			"blocks.%d.mlp.w1.weight": siluWeight, "blocks.%d.mlp.w1.bias": siluBias,
			"blocks.%d.mlp.w2.weight": valWeight, "blocks.%d.mlp.w2.bias": valBias,
			"blocks.%d.mlp.fc1_g.weight": siluWeight, "blocks.%d.mlp.fc1_g.bias": siluBias,
			"blocks.%d.mlp.fc1_x.weight": valWeight, "blocks.%d.mlp.fc1_x.bias": valBias,
		},
		unused: []string{"local_cls_norm.weight", "local_cls_norm.bias"}, // for small crops, only in training
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
	{
		project: "transformers DINOv3",
		anchor:  "embeddings.patch_embeddings.weight",
		rotary:  true,
		once: map[role]string{
			classToken: "embeddings.cls_token", maskToken: "embeddings.mask_token", registers: "embeddings.register_tokens",
			patchWeight: "embeddings.patch_embeddings.weight", patchBias: "embeddings.patch_embeddings.bias",
			normWeight: "norm.weight", normBias: "norm.bias",
		},
		block: map[role]string{
			norm1Weight: "layer.%d.norm1.weight", norm1Bias: "layer.%d.norm1.bias",
			norm2Weight: "layer.%d.norm2.weight", norm2Bias: "layer.%d.norm2.bias",
			queryWeight: "layer.%d.attention.q_proj.weight", queryBias: "layer.%d.attention.q_proj.bias",
			keyWeight: "layer.%d.attention.k_proj.weight", keyBias: "layer.%d.attention.k_proj.bias",
			valueWeight: "layer.%d.attention.v_proj.weight", valueBias: "layer.%d.attention.v_proj.bias",
			projWeight: "layer.%d.attention.o_proj.weight", projBias: "layer.%d.attention.o_proj.bias",
			scale1: "layer.%d.layer_scale1.lambda1", scale2: "layer.%d.layer_scale2.lambda1",
			fc1Weight: "layer.%d.mlp.up_proj.weight", fc1Bias: "layer.%d.mlp.up_proj.bias",
			fc2Weight: "layer.%d.mlp.down_proj.weight", fc2Bias: "layer.%d.mlp.down_proj.bias",
			siluWeight: "layer.%d.mlp.gate_proj.weight", siluBias: "layer.%d.mlp.gate_proj.bias",
		},
		alias: map[string]role{"rope_embeddings.inv_freq": frequencies},
	},
}

// joined is the union of two tables.
func joined(a, b map[role]string) map[role]string {
	all := maps.Clone(a)
	maps.Copy(all, b)
	return all
}

// key identifies a part of the encoder; block is −1 for parts that occur once.
type key struct {
	role  role
	block int
}

// layout records the name and the shape of each part of the encoder in a file.
type layout struct {
	scheme    *scheme
	prefix    string
	depth     int
	parts     map[key]weights.Tensor
	rotary    bool     // queries and keys are rotated by the position of their patch (DINOv3)
	positions int      // number of entries of the position embedding before those of the patches
	notes     []string // tensors left out, and choices made
}

// find recognises the names in a file. Names may share a prefix ("backbone.", "teacher.backbone."). If a training run left several
// encoders, the teacher's or the one averaged over the steps is used.
func find(tensors []weights.Tensor) (*layout, error) {
	plain, err := plainNames(tensors)
	if err != nil {
		return nil, err
	}
	var found []encoderAt
	for i := range schemes {
		for _, name := range plain {
			if prefix, ok := strings.CutSuffix(name, schemes[i].anchor); ok && (prefix == "" || strings.HasSuffix(prefix, ".")) {
				found = append(found, encoderAt{&schemes[i], prefix})
			}
		}
	}
	if len(found) == 0 {
		return nil, fmt.Errorf("not the weights of a DINO, DINOv2 or DINOv3 vision transformer: none of its %d tensors (%s) is the patch embedding of one, under the names of the official projects, timm or the transformers library", len(tensors), some(names(tensors)))
	}
	chosen, err := preferred(found)
	if err != nil {
		return nil, err
	}
	l := &layout{scheme: chosen.scheme, prefix: chosen.prefix, parts: map[key]weights.Tensor{}, rotary: chosen.scheme.rotary}
	for _, other := range found {
		if other != chosen {
			l.notes = append(l.notes, fmt.Sprintf("of the encoders in the file, the one under %q is used, not the one under %q", chosen.prefix, other.prefix))
		}
	}
	return l, l.assign(tensors, plain, found)
}

// assign gives every tensor its role, and collects those without one.
func (l *layout) assign(tensors []weights.Tensor, plain []string, found []encoderAt) error {
	once, block := invert(l.scheme.once), invert(l.scheme.block)
	for name, r := range l.scheme.alias {
		once[name], block[name] = r, r
	}
	var extra, left []string
	for i, t := range tensors {
		name, ours := strings.CutPrefix(plain[i], l.prefix)
		r, ok := once[name]
		number := -1
		if !ok {
			var pattern string
			if pattern, number, ok = split(name); ok {
				r, ok = block[pattern]
			}
		}
		switch {
		case ours && ok:
			k := key{r, number}
			if before, twice := l.parts[k]; twice {
				return fmt.Errorf("tensors %q and %q are both the %s of the encoder", before.Name, t.Name, r)
			}
			l.parts[k] = t
			l.depth = max(l.depth, number+1)
			if name == "storage_tokens" || r == periods || strings.HasSuffix(name, ".gamma_1") {
				l.rotary = true
			}
		case ours && slices.Contains(l.scheme.unused, name), isHead(plain[i]), !ours && isBeside(plain[i], l.prefix):
			left = append(left, t.Name)
		case !ours && slices.ContainsFunc(found, func(e encoderAt) bool { return e.prefix != "" && strings.HasPrefix(plain[i], e.prefix) }):
		default:
			extra = append(extra, t.Name)
		}
	}
	if len(left) > 0 {
		slices.Sort(left)
		l.notes = append(l.notes, fmt.Sprintf("%d tensors that do not affect the features were left out: %s", len(left), some(left)))
	}
	l.settleFeedForward()
	return l.complete(extra)
}

// settleFeedForward determines by presence and shape which of the feed-forward networks that share names is used.
func (l *layout) settleFeedForward() {
	move := func(block int, from, to role) {
		if t, ok := l.parts[key{from, block}]; ok && !l.has(to, block) {
			delete(l.parts, key{from, block})
			l.parts[key{to, block}] = t
		}
	}
	for b := range l.depth {
		in, out := l.parts[key{fc1Weight, b}], l.parts[key{fc2Weight, b}]
		switch {
		case l.has(siluWeight, b):
			move(b, fc1Weight, valWeight)
			move(b, fc1Bias, valBias)
		case len(in.Shape) == 2 && len(out.Shape) == 2 && in.Shape[0] == 2*out.Shape[1]: // timm stacks gate and value
			move(b, fc1Weight, gateWeight)
			move(b, fc1Bias, gateBias)
		default:
			continue
		}
		move(b, fc2Weight, gatedWeight)
		move(b, fc2Bias, gatedBias)
	}
}

// complete checks that all required parts exist, and no others.
func (l *layout) complete(extra []string) error {
	var missing []string
	need := func(block int, roles ...role) {
		for _, r := range roles {
			if !l.has(r, block) {
				missing = append(missing, l.name(r, block))
			}
		}
	}
	need(-1, classToken, patchWeight, patchBias, normWeight, normBias)
	if !l.rotary {
		need(-1, position)
	} else if t, ok := l.parts[key{position, -1}]; ok {
		extra = append(extra, t.Name)
	}
	if l.has(classNormW, -1) || l.has(classNormB, -1) {
		need(-1, classNormW, classNormB)
	}
	for b := range l.depth {
		need(b, norm1Weight, norm1Bias, norm2Weight, norm2Bias, projWeight, projBias)
		if l.scheme.block[qkvWeight] != "" && !l.has(queryWeight, b) {
			need(b, qkvWeight)
		} else {
			need(b, queryWeight, keyWeight, valueWeight)
		}
		// All blocks have the parts of the first.
		for _, r := range []role{scale1, scale2, qkvBias, qkvMask, queryBias, keyBias, valueBias} {
			if l.has(r, 0) {
				need(b, r)
			} else if l.has(r, b) {
				extra = append(extra, l.name(r, b))
			}
		}
		switch {
		case l.has(qkvWeight, b) && (l.has(queryWeight, b) || l.has(keyWeight, b) || l.has(valueWeight, b)):
			extra = append(extra, l.parts[key{qkvWeight, b}].Name)
		case l.has(qkvBias, b) && (l.has(queryBias, b) || l.has(keyBias, b) || l.has(valueBias, b)), l.has(qkvBias, b) && !l.has(qkvWeight, b):
			extra = append(extra, l.parts[key{qkvBias, b}].Name)
		}
		if l.has(siluWeight, 0) {
			need(b, siluWeight, siluBias, valWeight, valBias, gatedWeight, gatedBias)
		} else if l.gated() {
			need(b, gateWeight, gateBias, gatedWeight, gatedBias)
		} else {
			need(b, fc1Weight, fc1Bias, fc2Weight, fc2Bias)
		}
	}
	return l.differs(missing, extra)
}

// differs is the error for parts that are missing or of no use; nil if there are none.
func (l *layout) differs(missing, extra []string) error {
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

// gated distinguishes a SwiGLU feed-forward network from a plain one.
func (l *layout) gated() bool { return l.has(gateWeight, 0) || l.has(siluWeight, 0) }

// name is the name of a part in the file, whether it exists or not.
func (l *layout) name(r role, block int) string {
	if t, ok := l.parts[key{r, block}]; ok {
		return t.Name
	}
	name := l.scheme.block[r]
	if block < 0 {
		name = l.scheme.once[r]
	}
	if name == "" { // a part that only has alternative names; the first is used
		for _, alias := range slices.Sorted(maps.Keys(l.scheme.alias)) {
			if l.scheme.alias[alias] == r {
				name = alias
				break
			}
		}
	}
	if name == "" {
		name = string(r)
	}
	return l.prefix + strings.Replace(name, "%d", strconv.Itoa(block), 1)
}

func invert(m map[role]string) map[string]role {
	out := make(map[string]role, len(m))
	for r, name := range m {
		out[name] = r
	}
	return out
}

// split extracts the first number from a name: blocks.3.norm1.bias → blocks.%d.norm1.bias, 3.
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
