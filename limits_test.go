package flowscope_test

import (
	"fmt"
	"go/ast"
	"go/constant"
	"go/parser"
	"go/token"
	"go/types"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"
)

// limits says where the code has the caps of docs/limits.md: the folder of each
// package, and the name of a default that is not that of its field.
var limits = map[string]struct{ folder, name string }{
	"engine":         {folder: "userspace/engine"},
	"stream":         {folder: "userspace/internal/stream"},
	"sensor":         {folder: "sensor"},
	"frame":          {folder: "userspace/internal/frame"},
	"replay":         {folder: "userspace/replay"},
	"filter":         {folder: "userspace/internal/filter"},
	"lengthprefixed": {folder: "parsers/lengthprefixed"},
	"dns":            {folder: "parsers/dns"},
	"http":           {folder: "parsers/http"},
	"http2":          {folder: "parsers/http2"},
	"tls":            {folder: "parsers/tls"},
	"quic":           {folder: "parsers/quic"},
	"ntp":            {folder: "parsers/ntp"},
	"dhcp":           {folder: "parsers/dhcp"},
	"dhcpv6":         {folder: "parsers/dhcpv6"},
	"ssh":            {folder: "parsers/ssh"},
	"postgres":       {folder: "parsers/postgres"},
	"mqtt":           {folder: "parsers/mqtt"},
	"smtp":           {folder: "parsers/smtp"},
	"redis":          {folder: "parsers/redis"},
	"safetext":       {folder: "userspace/export/internal/safetext"},
	"jsonenc":        {folder: "userspace/export/internal/jsonenc"},
	"jsonl":          {folder: "userspace/export/jsonl"},
	"streams":        {folder: "userspace/export/streams"},
	"live":           {folder: "userspace/live"},

	"sensor.Classify.MaxDatagrams":     {"userspace/internal/frame", "defaultDatagrams"},
	"sensor.Classify.MaxFragmentBytes": {"userspace/internal/frame", "defaultFragmentBytes"},
	"sensor.Classify.FragmentTimeout":  {"userspace/internal/frame", "defaultTimeout"},
	"replay.Options.MaxExpansion":      {"userspace/replay", "DefaultMaxExpansion"},
}

// TestLimitsPage holds the defaults in docs/limits.md to the code.
func TestLimitsPage(t *testing.T) {
	page, err := os.ReadFile("docs/limits.md")
	if err != nil {
		t.Fatal(err)
	}
	folders := map[string]map[string]constant.Value{}
	check := func(name, want string) {
		pkg, field, _ := strings.Cut(name, ".")
		at := limits[name]
		if at.folder == "" {
			at.folder, at.name = limits[pkg].folder, field[strings.LastIndexByte(field, '.')+1:]
		}
		if folders[at.folder] == nil {
			folders[at.folder] = defaults(t, at.folder)
		}
		switch v := folders[at.folder][at.name]; {
		case v == nil:
			t.Errorf("docs/limits.md: %s is not in %s", name, at.folder)
		case !spelled(v, want):
			t.Errorf("docs/limits.md: %s is %s, the code says %s", name, want, v)
		}
	}
	rows := regexp.MustCompile("(?m)^\\| `([\\w.]+)`.*? \\| ([^|]+) \\|").FindAllStringSubmatch(string(page), -1)
	if len(rows) < 40 {
		t.Fatalf("docs/limits.md has %d rows", len(rows))
	}
	for _, row := range rows {
		check(row[1], row[2])
	}
	check("engine.clockJump", "1 h")
	check("engine.clockAgree", "4")
	for _, field := range regexp.MustCompile(`def\(&[ct]\.(\w+)`).FindAllStringSubmatch(read(t, "userspace/engine/config.go"), -1) {
		if !strings.Contains(string(page), "."+field[1]+"`") {
			t.Errorf("engine.Config's %s is not in docs/limits.md", field[1])
		}
	}
}

func read(t *testing.T, path string) string {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// units are the names that the expressions of defaults use.
var units = strings.NewReplacer("time.Second", fmt.Sprint(int64(time.Second)), "time.Minute", fmt.Sprint(int64(time.Minute)),
	"time.Hour", fmt.Sprint(int64(time.Hour)))

// defaults returns what a package's constants are, and its fields by default:
// def(&c.Field, value), or if c.Field <= 0 { c.Field = value }.
func defaults(t *testing.T, folder string) map[string]constant.Value {
	t.Helper()
	found := map[string]constant.Value{}
	note := func(name string, value ast.Expr) {
		text := units.Replace(types.ExprString(value))
		if tv, err := types.Eval(token.NewFileSet(), nil, token.NoPos, text); err == nil && tv.Value != nil {
			found[name] = tv.Value
		}
	}
	paths, err := filepath.Glob(folder + "/*.go")
	if err != nil || len(paths) == 0 {
		t.Fatalf("no files in %s: %v", folder, err)
	}
	for _, path := range paths {
		if strings.HasSuffix(path, "_test.go") {
			continue
		}
		file, err := parser.ParseFile(token.NewFileSet(), path, nil, 0)
		if err != nil {
			t.Fatal(err)
		}
		ast.Inspect(file, func(n ast.Node) bool {
			switch n := n.(type) {
			case *ast.ValueSpec:
				for i, v := range n.Values {
					note(n.Names[i].Name, v)
				}
			case *ast.CallExpr:
				if f, ok := n.Fun.(*ast.Ident); ok && f.Name == "def" && len(n.Args) >= 2 {
					if p, ok := n.Args[0].(*ast.UnaryExpr); ok {
						note(p.X.(*ast.SelectorExpr).Sel.Name, n.Args[1])
					}
				}
			case *ast.AssignStmt:
				if f, ok := n.Lhs[0].(*ast.SelectorExpr); ok && n.Tok == token.ASSIGN {
					note(f.Sel.Name, n.Rhs[0])
				}
			}
			return true
		})
	}
	return found
}

// spelled reports whether text is one of the ways to write v: as a count, a size
// or a duration.
func spelled(v constant.Value, text string) bool {
	n, _ := constant.Int64Val(constant.ToInt(v))
	var number int64
	var unit string
	_, _ = fmt.Sscanf(strings.ReplaceAll(text, ",", ""), "%d %s", &number, &unit)
	scale := map[string]int64{"": 1, "KiB": 1 << 10, "MiB": 1 << 20, "s": int64(time.Second), "min": int64(time.Minute), "h": int64(time.Hour)}[unit]
	return scale != 0 && number*scale == n
}
