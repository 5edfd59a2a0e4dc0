package vit

import (
	"fmt"
	"slices"
	"strings"

	"iconic/models/weights"
)

// encoderAt is an encoder found in a file: its naming scheme and its prefix.
type encoderAt struct {
	scheme *scheme
	prefix string
}

// preferred chooses among the encoders in a file: the only one, or else the only teacher or average over the steps.
func preferred(found []encoderAt) (encoderAt, error) {
	if len(found) == 1 {
		return found[0], nil
	}
	var teachers []encoderAt
	var prefixes []string
	for _, e := range found {
		prefixes = append(prefixes, fmt.Sprintf("%q", e.prefix))
		if slices.ContainsFunc(strings.Split(e.prefix, "."), isTeacher) {
			teachers = append(teachers, e)
		}
	}
	if len(teachers) != 1 {
		return encoderAt{}, fmt.Errorf("more than one encoder in the file (under %s), and no single one is a teacher's: import a file with one encoder", strings.Join(prefixes, ", "))
	}
	return teachers[0], nil
}

// isTeacher reports whether a part of a name denotes a teacher: teacher, model_ema, ema_teacher.
func isTeacher(part string) bool {
	words := strings.Split(part, "_")
	return slices.Contains(words, "teacher") || slices.Contains(words, "ema")
}

// isHead recognises what training stores beside an encoder: projection heads, classifiers, the centres of losses and the state of the
// optimiser. Words such as "head" must be a complete part of the name.
func isHead(name string) bool {
	for _, part := range strings.Split(name, ".") {
		switch part {
		case "head", "dino_head", "ibot_head", "projection_head", "linear_head", "linear_classifier", "classifier", "fc", "projector", "predictor",
			"prototypes", "last_layer", "dino_loss", "ibot_loss", "ibot_patch_loss",
			"gram_loss", "optimizer", "scaler", "fp16_scaler", "lr_scheduler":
			return true
		}
	}
	return false
}

// isBeside reports whether a name lies outside the entry of a checkpoint that holds the whole model, such as the state of a random generator or
// a queue beside "model": nothing there takes part in the features.
func isBeside(name, prefix string) bool {
	entry, _, _ := strings.Cut(prefix, ".")
	first, _, _ := strings.Cut(name, ".")
	return slices.Contains(models, entry) && first != entry
}

// models are the entries of checkpoints that hold a whole model.
var models = []string{"model", "model_state_dict", "state_dict", "model_ema", "ema", "teacher", "student"}

// wrappers are the parts of names added by modules that wrap modules.
var wrappers = []string{"module", "_orig_mod", "_fsdp_wrapped_module", "_checkpoint_wrapped_module"}

// plainNames are the names without wrappers, and with blocks numbered across chunks.
func plainNames(tensors []weights.Tensor) ([]string, error) {
	plain := make([]string, len(tensors))
	from := map[string]string{}
	for i, t := range tensors {
		parts := slices.DeleteFunc(strings.Split(t.Name, "."), func(p string) bool { return slices.Contains(wrappers, p) })
		if at := slices.Index(parts, "layer"); at > 0 && parts[at-1] == "model" { // the transformers library has it in memory, not in its files
			parts = slices.Delete(parts, at-1, at)
		}
		plain[i] = strings.Join(parts, ".")
	}
	unchunk(plain)
	for i, name := range plain {
		if other, twice := from[name]; twice {
			return nil, fmt.Errorf("tensors %q and %q are the same part of the encoder", other, tensors[i].Name)
		}
		from[name] = tensors[i].Name
	}
	return plain, nil
}

// unchunk turns blocks.CHUNK.NUMBER. into blocks.NUMBER. The official code numbers the blocks of all chunks consecutively; if numbers
// repeat in the next chunk, each chunk counts from 0, and the sizes of the earlier chunks are added.
func unchunk(plain []string) {
	chunks := map[string]map[int]map[int]bool{} // prefix → chunk → numbers
	for _, name := range plain {
		prefix, chunk, number, _, ok := chunked(name)
		if !ok {
			continue
		}
		if chunks[prefix] == nil {
			chunks[prefix] = map[int]map[int]bool{}
		}
		if chunks[prefix][chunk] == nil {
			chunks[prefix][chunk] = map[int]bool{}
		}
		chunks[prefix][chunk][number] = true
	}
	for i, name := range plain {
		prefix, chunk, number, rest, ok := chunked(name)
		if !ok {
			continue
		}
		seen, again, before := map[int]bool{}, false, 0
		for c, numbers := range chunks[prefix] {
			for n := range numbers {
				again = again || seen[n]
				seen[n] = true
			}
			if c < chunk {
				before += len(numbers)
			}
		}
		if again {
			number += before
		}
		plain[i] = fmt.Sprintf("%sblocks.%d.%s", prefix, number, rest)
	}
}

// chunked splits blocks.CHUNK.NUMBER. off a name.
func chunked(name string) (prefix string, chunk, number int, rest string, ok bool) {
	at := strings.Index("."+name, ".blocks.")
	if at < 0 {
		return
	}
	parts := strings.SplitN(name[at+len("blocks."):], ".", 3)
	if len(parts) < 3 {
		return
	}
	_, chunk, one := split(parts[0])
	_, number, two := split(parts[1])
	return name[:at], chunk, number, parts[2], one && two
}
