package weights

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"math/big"
	"slices"
	"strings"
)

// The types of values on the machine's stack: nil, bool, int64, float64, string, *list, tuple, *dict, and these.
type (
	list  struct{ items []any }
	tuple []any
	// dict preserves the order of insertion.
	dict struct {
		keys   []any
		values []any
	}
	// global is a Python name, never looked up.
	global struct{ module, name string }
	mark   struct{}
	// beside is an object that training stores beside weights: its settings, a score. Its content is dropped.
	beside struct{}
	// storage is one entry of the archive, by PyTorch's persistent id.
	storage struct {
		kind string // FloatStorage, …
		key  string // file data/key in the archive
		size int64  // in elements
	}
	// view is a tensor: a strided view of a storage, in elements.
	view struct {
		storage storage
		offset  int64
		shape   []int
		stride  []int
	}
)

// The names that occur in a state dictionary.
var (
	orderedDict = global{"collections", "OrderedDict"}
	tensorV2    = global{"torch._utils", "_rebuild_tensor_v2"}
	parameter   = global{"torch._utils", "_rebuild_parameter"}
)

// value is the value of a name in a dictionary, nil if it has none.
func (d *dict) value(name string) any {
	for i, key := range d.keys {
		if key == name {
			return d.values[i]
		}
	}
	return nil
}

// besides are the modules whose objects may occur beside weights: arguments and settings of a training script, paths, NumPy's numbers,
// times. Functions with these names are never run, and none of the objects is a tensor.
var besides = []string{"argparse", "pathlib", "numpy", "_codecs", "omegaconf", "datetime", "typing", "yacs", "easydict", "addict", "ml_collections"}

// plainTypes are Python's own names that may occur beside weights, as types and as constructors of empty values.
var plainTypes = []global{
	{"collections", "defaultdict"}, {"collections", "Counter"},
	{"builtins", "set"}, {"builtins", "dict"}, {"builtins", "list"}, {"builtins", "tuple"}, {"builtins", "int"}, {"builtins", "float"}, {"builtins", "bool"}, {"builtins", "str"},
}

// isBeside reports whether a name may occur beside weights.
func (g global) isBeside() bool {
	if g.module == "__builtin__" { // in pickles for Python 2
		g.module = "builtins"
	}
	root, _, _ := strings.Cut(g.module, ".")
	return slices.Contains(besides, root) || slices.Contains(plainTypes, g)
}

const (
	maxPickle = 64 << 20 // the index of the largest encoder takes 100 kB
	maxStack  = 1 << 20
	maxNested = 8
)

// unpickle runs a pickle of protocol 2 to 5 and returns its result. Nothing is executed; see the package comment for what is supported.
func unpickle(program []byte) (any, error) {
	return newMachine(program).run()
}

type machine struct {
	input    []byte
	at       int
	stack    []any
	memo     map[uint32]any
	storages map[string]storage // by key
}

func newMachine(program []byte) *machine {
	return &machine{input: program, storages: map[string]storage{}}
}

// run runs one pickle; another may follow it.
func (m *machine) run() (any, error) {
	m.stack, m.memo = nil, map[uint32]any{}
	for {
		at := m.at
		done, err := m.step()
		if err != nil {
			return nil, fmt.Errorf("pickle, byte %d: %w", at, err)
		}
		if done {
			return m.pop()
		}
	}
}

var errCut = errors.New("the pickle is truncated")

func (m *machine) take(n uint64) ([]byte, error) {
	if n > uint64(len(m.input)-m.at) {
		return nil, errCut
	}
	b := m.input[m.at : m.at+int(n)]
	m.at += int(n)
	return b, nil
}

// length reads an unsigned number of n bytes.
func (m *machine) length(n int) (uint64, error) {
	b, err := m.take(uint64(n))
	if err != nil {
		return 0, err
	}
	var wide [8]byte
	copy(wide[:], b)
	return binary.LittleEndian.Uint64(wide[:]), nil
}

// sized reads bytes preceded by a length of n bytes.
func (m *machine) sized(n int) ([]byte, error) {
	size, err := m.length(n)
	if err != nil {
		return nil, err
	}
	return m.take(size)
}

// line reads up to a newline, which is dropped.
func (m *machine) line() (string, error) {
	i := slices.Index(m.input[m.at:], '\n')
	if i < 0 {
		return "", errCut
	}
	b, err := m.take(uint64(i + 1))
	return string(b[:i]), err
}

func (m *machine) push(v any) error {
	if len(m.stack) == maxStack {
		return errors.New("the stack is too large")
	}
	m.stack = append(m.stack, v)
	return nil
}

var errEmpty = errors.New("the stack is empty")

func (m *machine) pop() (any, error) {
	if len(m.stack) == 0 {
		return nil, errEmpty
	}
	v := m.stack[len(m.stack)-1]
	m.stack = m.stack[:len(m.stack)-1]
	return v, nil
}

// popN pops the n topmost values, the lowest first.
func (m *machine) popN(n int) ([]any, error) {
	if len(m.stack) < n {
		return nil, errEmpty
	}
	v := slices.Clone(m.stack[len(m.stack)-n:])
	m.stack = m.stack[:len(m.stack)-n]
	return v, nil
}

// popMark pops everything above the topmost mark, and the mark.
func (m *machine) popMark() ([]any, error) {
	for i := len(m.stack) - 1; i >= 0; i-- {
		if _, ok := m.stack[i].(mark); ok {
			v, err := m.popN(len(m.stack) - i - 1)
			m.stack = m.stack[:i]
			return v, err
		}
	}
	return nil, errors.New("no mark on the stack")
}

// step executes one instruction and reports whether it was the last. The letters are those of Python's pickletools.
func (m *machine) step() (done bool, err error) {
	op, err := m.take(1)
	if err != nil {
		return false, err
	}
	switch op[0] {
	case '.': // STOP
		return true, nil
	case 0x80: // PROTO
		version, err := m.length(1)
		if err == nil && (version < 2 || version > 5) {
			err = fmt.Errorf("protocol %d, want 2 to 5", version)
		}
		return false, err
	case 0x95: // FRAME
		_, err := m.take(8)
		return false, err
	case '(':
		return false, m.push(mark{})
	case '0': // POP
		_, err := m.pop()
		return false, err
	case 'Q': // BINPERSID
		return false, m.persistent()
	case 'c', 0x93: // GLOBAL, STACK_GLOBAL
		return false, m.global(op[0])
	case 'R', 0x81: // REDUCE, NEWOBJ
		return false, m.reduce(op[0])
	case 'b': // BUILD
		return false, m.build()
	case 'q', 'r', 0x94, 'h', 'j':
		return false, m.remember(op[0])
	case 'a', 'e', 's', 'u':
		return false, m.extend(op[0])
	}
	v, err := m.literal(op[0])
	if err != nil {
		return false, err
	}
	return false, m.push(v)
}

// literal returns the value of an instruction that pushes one.
func (m *machine) literal(op byte) (any, error) {
	switch op {
	case 'N':
		return nil, nil
	case 0x88, 0x89: // NEWTRUE, NEWFALSE
		return op == 0x88, nil
	case 'K': // BININT1
		v, err := m.length(1)
		return int64(v), err
	case 'M': // BININT2
		v, err := m.length(2)
		return int64(v), err
	case 'J': // BININT
		v, err := m.length(4)
		return int64(int32(v)), err
	case 0x8a: // LONG1
		return m.long()
	case 'G': // BINFLOAT
		b, err := m.take(8)
		if err != nil {
			return nil, err
		}
		return math.Float64frombits(binary.BigEndian.Uint64(b)), nil
	case 'B', 'C': // BINBYTES, SHORT_BINBYTES
		b, err := m.sized(map[byte]int{'B': 4, 'C': 1}[op])
		return string(b), err
	case 'X', 0x8c, 0x8d: // BINUNICODE, SHORT_BINUNICODE, BINUNICODE8
		b, err := m.sized(map[byte]int{'X': 4, 0x8c: 1, 0x8d: 8}[op])
		return string(b), err
	case ')':
		return tuple{}, nil
	case 0x85, 0x86, 0x87: // TUPLE1 to TUPLE3
		v, err := m.popN(int(op - 0x84))
		return tuple(v), err
	case 't':
		v, err := m.popMark()
		return tuple(v), err
	case ']':
		return &list{}, nil
	case 'l':
		v, err := m.popMark()
		return &list{v}, err
	case '}':
		return &dict{}, nil
	}
	return nil, fmt.Errorf("instruction %#02x (%q) does not occur in weights: refused", op, op)
}

// long reads a two's complement number of at most eight bytes.
func (m *machine) long() (any, error) {
	b, err := m.sized(1)
	if err != nil {
		return nil, err
	}
	b = slices.Clone(b)
	slices.Reverse(b)
	v := new(big.Int).SetBytes(b)
	if len(b) > 0 && b[0]&0x80 != 0 {
		v.Sub(v, new(big.Int).Lsh(big.NewInt(1), uint(8*len(b))))
	}
	if !v.IsInt64() {
		return nil, fmt.Errorf("number %s is out of range", v)
	}
	return v.Int64(), nil
}

func (m *machine) global(op byte) error {
	var g global
	if op == 'c' {
		var err error
		if g.module, err = m.line(); err != nil {
			return err
		}
		if g.name, err = m.line(); err != nil {
			return err
		}
	} else {
		v, err := m.popN(2)
		if err != nil {
			return err
		}
		module, ok := v[0].(string)
		name, ok2 := v[1].(string)
		if !ok || !ok2 {
			return errors.New("a name that is not made of strings")
		}
		g = global{module, name}
	}
	_, isStorage := storages[g.name]
	switch {
	case g == orderedDict, g == tensorV2, g == parameter, g.module == "torch" && isStorage, g.isBeside():
		return m.push(g)
	}
	return fmt.Errorf("%s.%s does not occur in weights: refused. A file with only weights (a state dictionary, the \"backbone only\" download) does not contain such a name", g.module, g.name)
}

// persistent turns ('storage', torch.FloatStorage, key, device, elements) into a storage.
func (m *machine) persistent() error {
	v, err := m.pop()
	if err != nil {
		return err
	}
	t, _ := v.(tuple)
	if len(t) == 6 && t[5] == nil { // a view of another storage, which only files from before 2017 have
		t = t[:5]
	}
	if len(t) != 5 || t[0] != "storage" {
		return errors.New("a persistent id that is not a storage: refused")
	}
	kind, ok1 := t[1].(global)
	key, ok2 := t[2].(string)
	size, ok3 := t[4].(int64)
	if !ok1 || !ok2 || !ok3 || size < 0 || kind.module != "torch" {
		return errors.New("a storage that is not described as PyTorch does: refused")
	}
	s := storage{kind.name, key, size}
	if before, twice := m.storages[key]; twice && before != s {
		return fmt.Errorf("storage %q is described in two ways: refused", key)
	}
	m.storages[key] = s
	return m.push(s)
}

// reduce is a call, or an object of a class. The three functions that make tensors and their dictionaries are described, not executed.
func (m *machine) reduce(op byte) error {
	v, err := m.popN(2)
	if err != nil {
		return err
	}
	g, ok := v[0].(global)
	args, ok2 := v[1].(tuple)
	if !ok || !ok2 {
		return errors.New("a call of something that is not a name: refused")
	}
	switch {
	case g.isBeside():
		return m.push(&beside{})
	case op != 'R':
		return fmt.Errorf("an object of %s.%s: refused", g.module, g.name)
	case g == orderedDict && len(args) == 0:
		return m.push(&dict{})
	case g == tensorV2 && len(args) >= 6:
		t, err := rebuild(args)
		if err != nil {
			return err
		}
		return m.push(t)
	case g == parameter && len(args) >= 1:
		if t, ok := args[0].(view); ok {
			return m.push(t)
		}
	}
	return fmt.Errorf("a call of %s.%s with %d arguments: refused", g.module, g.name, len(args))
}

// rebuild reads the arguments of _rebuild_tensor_v2: storage, offset, shape, stride, requires_grad, hooks.
func rebuild(args tuple) (view, error) {
	s, ok1 := args[0].(storage)
	offset, ok2 := args[1].(int64)
	shape, ok3 := integers(args[2])
	stride, ok4 := integers(args[3])
	if !ok1 || !ok2 || !ok3 || !ok4 || offset < 0 || len(shape) != len(stride) {
		return view{}, errors.New("a tensor that is not described as PyTorch does: refused")
	}
	return view{s, offset, shape, stride}, nil
}

func integers(v any) ([]int, bool) {
	t, ok := v.(tuple)
	out := make([]int, len(t))
	for i, e := range t {
		n, isInt := e.(int64)
		if !isInt || n < 0 || n > math.MaxInt32 {
			return nil, false
		}
		out[i] = int(n)
	}
	return out, ok
}

// build sets attributes of an object; in ordered dictionaries they are the versions of PyTorch's modules, which do not affect the weights.
func (m *machine) build() error {
	v, err := m.popN(2)
	if err != nil {
		return err
	}
	switch v[0].(type) {
	case *dict, *beside:
		return m.push(v[0])
	}
	return errors.New("attributes of something that is not a dictionary: refused")
}

func (m *machine) remember(op byte) error {
	var key uint32
	switch op {
	case 0x94: // MEMOIZE
		key = uint32(len(m.memo))
	default:
		width := 1
		if op == 'r' || op == 'j' {
			width = 4
		}
		n, err := m.length(width)
		if err != nil {
			return err
		}
		key = uint32(n)
	}
	if op == 'h' || op == 'j' { // BINGET, LONG_BINGET
		v, ok := m.memo[key]
		if !ok {
			return fmt.Errorf("nothing was stored as number %d", key)
		}
		return m.push(v)
	}
	if len(m.stack) == 0 {
		return errEmpty
	}
	m.memo[key] = m.stack[len(m.stack)-1]
	return nil
}

// extend appends to the list, or sets items of the dictionary, below the operands.
func (m *machine) extend(op byte) error {
	var v []any
	var err error
	switch op {
	case 'a':
		v, err = m.popN(1)
	case 's':
		v, err = m.popN(2)
	default: // APPENDS, SETITEMS
		v, err = m.popMark()
	}
	if err != nil {
		return err
	}
	if len(m.stack) == 0 {
		return errEmpty
	}
	switch target := m.stack[len(m.stack)-1].(type) {
	case *beside:
		return nil
	case *list:
		if op == 'a' || op == 'e' {
			target.items = append(target.items, v...)
			return nil
		}
	case *dict:
		if (op == 's' || op == 'u') && len(v)%2 == 0 {
			for i := 0; i < len(v); i += 2 {
				target.keys = append(target.keys, v[i])
				target.values = append(target.values, v[i+1])
			}
			return nil
		}
	}
	return errors.New("items for something that cannot hold them")
}
