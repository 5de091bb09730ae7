package bench

import (
	"cmp"
	"context"
	"debug/elf"
	"fmt"
	"maps"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/iapguard/iapguard/internal/playground"
	"github.com/iapguard/iapguard/test/port"
)

// compiled builds a program as the image has it (deploy/ko.yaml), with or without its symbols, and
// returns its path.
func compiled(t *testing.T, program string, symbols bool) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "program")
	flags := []string{"build", "-trimpath", "-tags=deployed", "-o", path}
	if !symbols {
		flags = append(flags, "-ldflags=-s -w")
	}
	command := exec.Command("go", append(flags, program)...)
	command.Dir, command.Env = filepath.Join("..", ".."), append(os.Environ(), "CGO_ENABLED=0", "GOFLAGS=")
	if out, err := command.CombinedOutput(); err != nil {
		t.Fatalf("building %s: %v\n%s", program, err, out)
	}
	return path
}

// served is the environment of a program that serves at a port.
func served(port string) []string {
	return []string{"PORT=" + port, "ENDPOINT=http://127.0.0.1:1/", "IAPGUARD_ENDPOINT=http://127.0.0.1:1",
		"IAPGUARD_REPORTS_TOPIC=" + playground.ReportsTopic, "PUBSUB_EMULATOR_HOST=127.0.0.1:1",
		"IAPGUARD_SELF=" + playground.FunctionAccount, "LOG_LEVEL=ERROR"}
}

// answered is how long a program takes from its start until it has answered its first event.
func answered(t *testing.T, program string, arguments ...string) time.Duration {
	t.Helper()
	address := port.Free(t)
	command := exec.Command(program, arguments...)
	_, number, _ := strings.Cut(address, ":")
	command.Env = served(number)
	began := time.Now()
	if err := command.Start(); err != nil {
		t.Fatal(err)
	}
	defer func() {
		_ = command.Process.Kill()
		_ = command.Wait() // it was killed
	}()
	for {
		response, err := http.Post("http://"+address+"/", "application/json", strings.NewReader(unrelated))
		if err == nil {
			response.Body.Close()
			if response.StatusCode != http.StatusNoContent {
				t.Fatalf("the first event: status %d", response.StatusCode)
			}
			return time.Since(began)
		}
		if time.Since(began) > 30*time.Second {
			t.Fatalf("no answer: %v", err)
		}
		time.Sleep(200 * time.Microsecond)
	}
}

// unrelated is a push of an event that is acknowledged at once.
const unrelated = `{"subscription":"s","message":{"messageId":"1","data":"e30="}}`

// starts are how long the program and one that only makes the same clients take to their first
// answer, in milliseconds, in turn; and what initialises for longest.
func starts(t *testing.T, program string, rounds int) (ours, clients figure, slowest string) {
	empty := compiled(t, "./test/bench/testdata/clients", false)
	answered(t, program, "serve") // fills the caches of the disk
	answered(t, empty)
	for range rounds {
		ours.addTime(answered(t, program, "serve"))
		clients.addTime(answered(t, empty))
	}
	all, names := inits(t, program, "serve")
	theirs, _ := inits(t, empty)
	return ours, clients, fmt.Sprintf("%.1f ms in all (those of the same clients for %.1f), %s", all, theirs, names)
}

var initialised = regexp.MustCompile(`(?m)^init (\S+) @\S+ ms, (\S+) ms clock`)

// inits are how long the packages of a program initialise, in milliseconds, and those that take longest:
// the least of ten starts each, for a package that loses the processor meanwhile seems slow.
func inits(t *testing.T, program string, arguments ...string) (all float64, slowest string) {
	t.Helper()
	least := map[string]float64{}
	for range 10 {
		_, number, _ := strings.Cut(port.Free(t), ":")
		ctx, stop := context.WithTimeout(t.Context(), time.Second/4) // they have initialised by then
		command := exec.CommandContext(ctx, program, arguments...)
		command.Env = append(served(number), "GODEBUG=inittrace=1")
		out, _ := command.CombinedOutput() // it is killed
		stop()
		for _, match := range initialised.FindAllStringSubmatch(string(out), -1) {
			took, err := strconv.ParseFloat(match[2], 64)
			if err != nil {
				t.Fatal(err)
			}
			if before, known := least[match[1]]; !known || took < before {
				least[match[1]] = took
			}
		}
	}
	for _, took := range least {
		all += took
	}
	names := slices.SortedFunc(maps.Keys(least), func(a, b string) int {
		return cmp.Or(cmp.Compare(least[b], least[a]), cmp.Compare(a, b))
	})
	var longest []string
	for _, name := range names[:min(5, len(names))] {
		longest = append(longest, fmt.Sprintf("%s %.1f", name, least[name]))
	}
	return all, strings.Join(longest, ", ")
}

const mib = 1 << 20

// share is what one module brings to a program.
type share struct {
	name string
	size uint64
}

// sizeOf returns the size of the image's binary, and what it is made of: the code and the data of each
// module by their symbols, and the sections that belong to none, largest first.
func sizeOf(t *testing.T, program string) (size int64, parts []share) {
	t.Helper()
	info, err := os.Stat(program)
	if err != nil {
		t.Fatal(err)
	}
	withSymbols := compiled(t, "./function/cmd/iapguard", true)
	modules := modulesOf(t, withSymbols)
	file, err := elf.Open(withSymbols)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	symbols, err := file.Symbols()
	if err != nil {
		t.Fatal(err)
	}
	byModule, inSection := map[string]uint64{}, map[elf.SectionIndex]uint64{}
	seen := map[uint64]bool{}
	for _, symbol := range symbols {
		known := int(symbol.Section) < len(file.Sections) && loaded(file.Sections[symbol.Section])
		if symbol.Size == 0 || seen[symbol.Value] || !known {
			continue
		}
		if symbol.Name == "runtime.pclntab" || strings.HasPrefix(symbol.Name, "runtime.e") && symbol.Size > mib {
			continue // it stands for its whole section
		}
		seen[symbol.Value] = true
		byModule[moduleOf(symbol.Name, modules)] += symbol.Size
		inSection[symbol.Section] += symbol.Size
	}
	for i, section := range file.Sections {
		if rest := section.Size - min(section.Size, inSection[elf.SectionIndex(i)]); loaded(section) && rest > 0 {
			byModule["tables of "+section.Name] += rest
		}
	}
	for name, size := range byModule {
		parts = append(parts, share{name, size})
	}
	slices.SortFunc(parts, func(a, b share) int { return cmp.Or(cmp.Compare(b.size, a.size), cmp.Compare(a.name, b.name)) })
	return info.Size(), parts
}

// loaded reports whether a section is in the stripped file, too.
func loaded(s *elf.Section) bool { return s.Flags&elf.SHF_ALLOC != 0 && s.Type != elf.SHT_NOBITS }

// modulesOf are the modules that a program is built from, the longest names first.
func modulesOf(t *testing.T, program string) []string {
	t.Helper()
	out, err := exec.Command("go", "version", "-m", program).Output()
	if err != nil {
		t.Fatal(err)
	}
	var modules []string
	for line := range strings.Lines(string(out)) {
		if field := strings.Fields(line); len(field) > 1 && (field[0] == "dep" || field[0] == "mod") {
			modules = append(modules, field[1])
		}
	}
	slices.SortFunc(modules, func(a, b string) int { return cmp.Compare(len(b), len(a)) })
	return modules
}

// moduleOf is the module of a symbol by the package that it names first.
func moduleOf(symbol string, modules []string) string {
	name := strings.TrimPrefix(strings.TrimPrefix(symbol, "type:"), "go:itab.")
	name = strings.TrimLeft(name, ".*[]")
	for _, module := range modules {
		if strings.HasPrefix(name, module) || name != symbol && strings.Contains(name, module) {
			return module
		}
	}
	switch {
	case strings.HasPrefix(symbol, "go:"), strings.HasPrefix(symbol, "type:"):
		return "types and strings"
	case strings.HasPrefix(symbol, "main."):
		return modules[slices.IndexFunc(modules, func(m string) bool { return strings.HasSuffix(m, "/iapguard") })]
	}
	return "standard library"
}
