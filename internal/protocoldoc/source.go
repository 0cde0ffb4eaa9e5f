package main

import (
	"fmt"
	"go/ast"
	"go/doc"
	"go/doc/comment"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"flowscope/parsers"
	"flowscope/sensor"
)

// protocol is what the source of a parser says of it.
type protocol struct {
	dir      string
	names    []string // in records
	found    []string // transports, and the ports that are a hint
	synopsis string
	sections []section
	rfcs     []string
	messages []*object // the types that are emitted
	parts    []*object // types of their fields
	tests    []string
}

// section is a part of the package comment, in Markdown.
type section struct{ heading, text string }

// object is a struct of a message.
type object struct {
	name, doc string
	fields    []field
}

type field struct {
	name, typ, doc string
	optional       bool
	ref            string // the struct that typ is made of
	array          bool
}

// read reads the package in a folder below root.
func read(root, dir string) (*protocol, error) {
	fset := token.NewFileSet()
	path := filepath.Join(root, dir)
	files, err := parse(fset, path)
	if err != nil {
		return nil, err
	}
	p := &protocol{dir: filepath.ToSlash(dir)}
	s := newSource(filepath.Dir(path), files)
	pkg, err := doc.NewFromFiles(fset, files, dir, doc.AllDecls|doc.PreserveAST)
	if err != nil {
		return nil, err
	}
	p.comment(pkg)
	p.types(pkg, s)
	for _, q := range parsers.All {
		if filepath.Join("parsers", folder(q.Name)) == dir {
			p.lists(&q)
		}
	}
	return p, p.listTests(path)
}

// parse returns the files of the package in a folder, without its tests.
func parse(fset *token.FileSet, dir string) (files []*ast.File, err error) {
	names, err := filepath.Glob(filepath.Join(dir, "*.go"))
	if err != nil {
		return nil, err
	}
	for _, name := range names {
		if strings.HasSuffix(name, "_test.go") {
			continue
		}
		f, err := parser.ParseFile(fset, name, nil, parser.ParseComments)
		if err != nil {
			return nil, err
		}
		files = append(files, f)
	}
	return files, nil
}

// lists notes where a protocol is found.
func (p *protocol) lists(q *sensor.Protocol) {
	if !slices.Contains(p.names, q.Name) {
		p.names = append(p.names, q.Name)
	}
	where := strings.ToUpper(q.Transport.String())
	var ports []string
	for _, port := range q.Ports {
		ports = append(ports, strconv.Itoa(int(port)))
	}
	switch {
	case q.Probe == nil:
		where += " port " + strings.Join(ports, ", ") + " only"
	case len(ports) > 0:
		where += " any port, first " + strings.Join(ports, ", ")
	default:
		where += " any port"
	}
	p.found = append(p.found, where)
}

var rfc = regexp.MustCompile(`RFCs? (\d+)`)

// comment takes the package comment apart.
func (p *protocol) comment(pkg *doc.Package) {
	p.synopsis = pkg.Synopsis(pkg.Doc)
	parsed := pkg.Parser().Parse(pkg.Doc)
	print := pkg.Printer()
	print.HeadingLevel = 4
	print.HeadingID = func(*comment.Heading) string { return "" }
	print.DocLinkURL = func(*comment.DocLink) string { return "" }
	var heading string
	var blocks []comment.Block
	flush := func() {
		if heading != "" {
			text := string(print.Markdown(&comment.Doc{Content: blocks, Links: parsed.Links}))
			p.sections = append(p.sections, section{heading, tidy(text)})
		}
	}
	for _, b := range parsed.Content {
		if h, ok := b.(*comment.Heading); ok {
			flush()
			heading, blocks = string(h.Text[0].(comment.Plain)), nil
			continue
		}
		blocks = append(blocks, b)
	}
	flush()
	for _, m := range rfc.FindAllStringSubmatch(pkg.Doc, -1) {
		if !slices.Contains(p.rfcs, m[1]) {
			p.rfcs = append(p.rfcs, m[1])
		}
	}
}

// pointers are links to types, which lead nowhere here and look like this then.
var pointers = regexp.MustCompile(`\\\*([A-Z]\w+)`)

// tidy makes the Markdown of a comment that of the page.
func tidy(text string) string {
	text = pointers.ReplaceAllString(strings.TrimSpace(text), "`$1`")
	return strings.ReplaceAll(text, "\n  - ", "\n- ")
}

// source is what is known of the types of a package.
type source struct {
	parsers string // the folder of all parsers
	types   map[string]ast.Expr
	docs    map[string]string
	methods map[string][]string
}

// newSource collects what files declare. dir is where the parsers are.
func newSource(dir string, files []*ast.File) *source {
	s := &source{parsers: dir, types: map[string]ast.Expr{}, methods: map[string][]string{}, docs: map[string]string{}}
	for _, file := range files {
		for _, d := range file.Decls {
			switch d := d.(type) {
			case *ast.GenDecl:
				for _, spec := range d.Specs {
					if t, ok := spec.(*ast.TypeSpec); ok {
						s.types[t.Name.Name] = t.Type
						s.docs[t.Name.Name] = t.Doc.Text()
						if t.Doc == nil {
							s.docs[t.Name.Name] = d.Doc.Text()
						}
					}
				}
			case *ast.FuncDecl:
				if d.Recv == nil {
					continue
				}
				to := d.Recv.List[0].Type
				if star, ok := to.(*ast.StarExpr); ok {
					to = star.X
				}
				if name, ok := to.(*ast.Ident); ok {
					s.methods[name.Name] = append(s.methods[name.Name], d.Name.Name)
				}
			}
		}
	}
	return s
}

// types finds the messages, which are the types with a headline, and what they
// are made of.
func (p *protocol) types(pkg *doc.Package, s *source) {
	seen := map[string]bool{}
	var todo []string
	add := func(to *[]*object, name string) {
		if st, ok := s.types[name].(*ast.StructType); ok && !seen[name] {
			seen[name] = true
			o := &object{name: name, doc: oneParagraph(s.docs[name])}
			o.fields = s.fields(st)
			for _, f := range o.fields {
				todo = append(todo, f.ref)
			}
			*to = append(*to, o)
		}
	}
	for _, t := range pkg.Types {
		if ast.IsExported(t.Name) && slices.Contains(s.methods[t.Name], "Headline") {
			add(&p.messages, t.Name)
		}
	}
	for len(todo) > 0 {
		name := todo[0]
		todo = todo[1:]
		add(&p.parts, name)
	}
}

// fields returns what a struct has in JSON.
func (s *source) fields(st *ast.StructType) (all []field) {
	for _, f := range st.Fields.List {
		tag := ""
		if f.Tag != nil {
			text, _ := strconv.Unquote(f.Tag.Value)
			tag = reflect.StructTag(text).Get("json")
		}
		name, options, _ := strings.Cut(tag, ",")
		typ, ref, array := s.describe(f.Type)
		if len(f.Names) == 0 && name == "" { // embedded: its fields are ours
			if inner, ok := s.types[ref].(*ast.StructType); ok {
				all = append(all, s.fields(inner)...)
			}
			if other, ok := f.Type.(*ast.SelectorExpr); ok {
				all = append(all, s.other(other)...)
			}
			continue
		}
		text := f.Doc.Text()
		if c := f.Comment.Text(); c != "" {
			text = c
		}
		for _, n := range f.Names {
			if !n.IsExported() || name == "-" {
				continue
			}
			shown := name
			if shown == "" {
				shown = n.Name
			}
			all = append(all, field{
				name: shown, typ: typ, ref: ref, array: array, doc: oneParagraph(text),
				optional: strings.Contains(options, "omit"),
			})
		}
	}
	return all
}

// other returns the fields of a struct of another parser, which a message embeds.
func (s *source) other(e *ast.SelectorExpr) []field {
	dir := filepath.Join(s.parsers, fmt.Sprint(e.X))
	files, err := parse(token.NewFileSet(), dir)
	if err != nil {
		return nil
	}
	inner := newSource(s.parsers, files)
	if st, ok := inner.types[e.Sel.Name].(*ast.StructType); ok {
		return inner.fields(st)
	}
	return nil
}

// describe says what a type is in JSON, and of which struct it is made.
func (s *source) describe(e ast.Expr) (typ, ref string, array bool) {
	switch e := e.(type) {
	case *ast.StarExpr:
		return s.describe(e.X)
	case *ast.ArrayType:
		if name, ok := e.Elt.(*ast.Ident); ok && name.Name == "byte" {
			return "string", "", false
		}
		typ, ref, _ := s.describe(e.Elt)
		return "array of " + typ, ref, true
	case *ast.MapType:
		typ, ref, _ := s.describe(e.Value)
		return "object of " + typ, ref, false
	case *ast.SelectorExpr:
		switch fmt.Sprint(e.X, ".", e.Sel) {
		case "time.Duration":
			return "seconds", "", false
		case "netip.Addr":
			return "address", "", false
		case "sensor.Timestamp", "time.Time":
			return "time", "", false
		}
		return "string", "", false
	case *ast.Ident:
		return s.named(e.Name)
	}
	return "any", "", false
}

func (s *source) named(name string) (typ, ref string, array bool) {
	switch name {
	case "string":
		return "string", "", false
	case "bool":
		return "boolean", "", false
	case "float32", "float64":
		return "number", "", false
	case "int", "int8", "int16", "int32", "int64", "uint", "uint8", "uint16", "uint32", "uint64", "byte":
		return "integer", "", false
	case "error":
		return "string", "", false
	}
	for _, m := range s.methods[name] {
		if m == "MarshalText" || m == "AppendText" {
			return "string", "", false
		}
	}
	if _, ok := s.types[name].(*ast.StructType); ok {
		return name, name, false
	}
	if t := s.types[name]; t != nil {
		return s.describe(t)
	}
	return "any", "", false
}

// listTests says what tests a parser, in numbers that change seldom.
func (p *protocol) listTests(path string) error {
	transcripts, err := filepath.Glob(filepath.Join(path, "testdata", "*.transcript"))
	if err != nil {
		return err
	}
	p.tests = append(p.tests, fmt.Sprintf("%d transcripts", len(transcripts)))
	files, err := filepath.Glob(filepath.Join(path, "*_test.go"))
	if err != nil {
		return err
	}
	for _, name := range files {
		b, err := os.ReadFile(name)
		if err != nil {
			return err
		}
		for _, m := range function.FindAllSubmatch(b, -1) {
			p.tests = append(p.tests, "`"+string(m[1])+"`")
		}
	}
	return nil
}

var function = regexp.MustCompile(`(?m)^func (Fuzz[A-Z]\w*)\(`)

// oneParagraph is a comment as the text of a cell.
func oneParagraph(s string) string {
	first, _, _ := strings.Cut(strings.TrimSpace(s), "\n\n")
	return strings.Join(strings.Fields(first), " ")
}
