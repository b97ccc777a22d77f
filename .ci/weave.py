"""Weaves every mutant into one copy of the sources, each behind an `if`, and builds it: see `.ci/mutants`."""

import collections
import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import tree_sitter_rust
from tree_sitter import Language, Parser

ROOT = Path(__file__).resolve().parent.parent
PLACE = ROOT / "target/mutants"
COPY = PLACE / "copy"
SUBJECTS = ["src/journal/**", "src/run/**", "src/portal/patient.rs"]
# Only the rigs, or other systems, have what comes after these; and nothing else calls what is in that file.
NOT_BUILT = re.compile(r'cfg\((feature = "rigs"|not\(target_os = "linux"\))\)')
LEFT_OUT, UNBUILT = "left out", "not in this build"
NOT_BUILT_FILES = ("src/journal/passage.rs",)

MODULE = """//! Which mutant is switched on.
use std::sync::LazyLock;
use std::sync::atomic::{AtomicBool, Ordering};
static ON: LazyLock<u32> = LazyLock::new(|| std::env::var("MUTANT").ok().and_then(|n| n.parse().ok()).unwrap_or(u32::MAX));
static REACHED: [AtomicBool; 8192] = [const { AtomicBool::new(false) }; 8192];
static FILE: LazyLock<Option<std::fs::File>> = LazyLock::new(|| {
    std::fs::File::options().append(true).create(true).open(std::env::var_os("MUTANT_REACHED")?).ok()
});
pub(crate) fn is(number: u32) -> bool {
    if let Some(mut file) = FILE.as_ref() {
        if !REACHED[number as usize].swap(true, Ordering::Relaxed) {
            let _ = std::io::Write::write_all(&mut file, format!("{number}\\n").as_bytes());
        }
    }
    *ON == number
}
"""


def listed():
    """The mutants of cargo-mutants, by number; their places as bytes."""
    command = ["cargo-mutants", "mutants", "--list", "--json"] + [part for subject in SUBJECTS for part in ("-f", subject)]
    mutants = json.loads(subprocess.check_output(command, cwd=ROOT))
    lines = {}
    for number, mutant in enumerate(mutants):
        file = mutant["file"]
        if file not in lines:
            lines[file] = (ROOT / file).read_text().splitlines(keepends=True)
        at = mutant["span"]["start"]
        before = lines[file][: at["line"] - 1] + [lines[file][at["line"] - 1][: at["column"] - 1]]
        mutant.update(number=number, at=len("".join(before).encode()))
        del mutant["diff"]
    return mutants


class Weaver:
    """One file, with its mutants. `/*<1,2*/ … /*>*/` is around all that is there because of mutants 1 and 2."""

    def __init__(self, parser, file, mutants):
        self.file = file
        self.source = (ROOT / file).read_bytes()
        self.at = collections.defaultdict(list)
        self.woven = set()
        self.bodies = [m for m in mutants if m["genre"] == "FnValue"]
        for mutant in mutants:
            if mutant["genre"] != "FnValue":
                self.at[mutant["genre"], mutant["at"]].append(mutant)
        self.unbuilt = []
        self.tree = parser.parse(self.source).root_node
        self.in_body = collections.defaultdict(list)
        for mutant in self.bodies:
            node = self.tree.descendant_for_byte_range(mutant["at"], mutant["at"])
            while node and not (node.type == "block" and node.parent.type == "function_item" and node.start_byte < mutant["at"]):
                node = node.parent
            if node:
                self.in_body[node.start_byte].append(mutant)

    def why_not(self, mutant):
        """Why a mutant is not in the copy. The parts of an `if let … && …` cannot be joined by anything else."""
        if mutant["number"] in self.woven:
            return None
        is_unbuilt = any(begin <= mutant["at"] < end for begin, end in self.unbuilt)
        return UNBUILT if is_unbuilt else "unviable"

    def text(self, node):
        return self.source[node.start_byte : node.end_byte].decode()

    def take(self, genre, at):
        found = self.at.get((genre, at), [])
        self.woven.update(m["number"] for m in found)
        return found

    def around(self, mutants, text):
        return f"/*<{','.join(str(m['number']) for m in mutants)}*/{text}/*>*/"

    def each(self, mutants, text, otherwise):
        """An expression: what `text` makes of the mutant that is on, or the original."""
        chosen = "".join(f"if {IS(m)} {{ {self.around([m], text(m))} }} else " for m in mutants)
        return self.around(mutants, f"({chosen}{{ {otherwise} }})")

    def inner(self, node, replaced=None):
        """The node's text with its children woven."""
        parts, at, is_built = [], node.start_byte, True
        for child in node.children:
            text = self.text(child)
            if child.type == "attribute_item":
                is_built &= not NOT_BUILT.search(text)
            elif child.type not in ("line_comment", "block_comment"):
                if not is_built or text.startswith("crash::point_of(") or node.parent is None and self.file in NOT_BUILT_FILES:
                    self.unbuilt.append((child.start_byte, child.end_byte))
                else:
                    text = (replaced or {}).get(child.id) or self.weave(child)
                is_built = True
            parts += [self.source[at : child.start_byte].decode(), text]
            at = child.end_byte
        return "".join(parts) + self.source[at : node.end_byte].decode()

    def weave(self, node):
        if node.type == "block" and node.parent.type == "function_item":
            found = self.in_body.get(node.start_byte, [])
            self.woven.update(m["number"] for m in found)
            begin = "".join(self.around([m], f"if {IS(m)} {{ return {m['replacement']}; }}") for m in found)
            return "{" + begin + self.inner(node)[1:]
        if node.type == "binary_expression":
            return self.binary(node)
        if node.type == "compound_assignment_expr":
            found = self.take("BinaryOperator", node.child_by_field_name("operator").start_byte)
            left, right = (self.weave(node.child_by_field_name(name)) for name in ("left", "right"))
            original = self.inner(node)
            return self.each(found, lambda m: f"{left} {m['replacement']} {right}", original) if found else original
        if node.type == "unary_expression":
            found = self.take("UnaryOperator", node.start_byte)
            operand = self.weave(node.children[1])
            if found and self.text(node.children[0]) == "!":
                return self.around(found, f"(({operand}) == {IS(found[0])})")
            return self.each(found, lambda _: operand, self.inner(node)) if found else self.inner(node)
        if node.type == "match_pattern":
            return self.arm(node)
        if node.type == "field_initializer":
            found = self.take("StructField", node.start_byte)
            base = [child for child in node.parent.children if child.type == "base_field_initializer"]
            if found and base:
                value, name = node.child_by_field_name("value"), self.text(node.child_by_field_name("field"))
                instead = lambda _: f"({self.text(base[0]).removeprefix('..')}).{name}"
                return self.inner(node, {value.id: self.each(found, instead, self.weave(value))})
        return self.inner(node)

    def binary(self, node):
        operator = node.child_by_field_name("operator")
        found = self.take("BinaryOperator", operator.start_byte)
        if not found:
            return self.inner(node)
        left, right = (self.weave(node.child_by_field_name(name)) for name in ("left", "right"))
        sign, others = self.text(operator), [m["replacement"] for m in found]
        if (sign, others) in (("&&", ["||"]), ("||", ["&&"])):
            # `is` as what ends the evaluation early: no operand stands twice.
            ends = IS(found[0]) if sign == "&&" else "!" + IS(found[0])
            return self.around(found, f"(if ({left}) == ({ends}) {{ {ends} }} else {{ {right} }})")
        if (sign, others) in (("==", ["!="]), ("!=", ["=="])):
            return self.around(found, f"((({left}) {sign} ({right})) != {IS(found[0])})")
        if sign in ("==", "!=", "<", ">", "<=", ">="):
            chosen = self.each(found, lambda m: f"*left {m['replacement']} *right", f"*left {sign} *right")
            return self.around(found, f"(match (&({left}), &({right})) {{ (left, right) => {chosen} }})")
        return self.each(found, lambda m: f"({left}) {m['replacement']} ({right})", f"({left}) {sign} ({right})")

    def arm(self, node):
        condition, arm = node.child_by_field_name("condition"), node.parent
        gone = self.take("MatchArm", arm.start_byte) or self.take("MatchArm", node.start_byte)
        without = "".join(self.around([m], f"!{IS(m)}") for m in gone)
        if condition is None:
            return self.inner(node) + (f" if {without}" if gone else "")
        found = self.take("MatchArmGuard", condition.start_byte)
        guard = self.weave(condition)
        has_let = "let" in condition.type
        for mutant in found:
            if mutant["replacement"] == "false":
                guard = self.around([mutant], f"!{IS(mutant)}") + " && " + (guard if has_let else f"({guard})")
            elif not has_let:
                guard = f"({self.around([mutant], IS(mutant))} || ({guard}))"
        return self.inner(node, {condition.id: (without + " && " if gone else "") + guard})


def IS(mutant):
    return f"crate::mutant::is({mutant['number']})"


def weave():
    parser = Parser(Language(tree_sitter_rust.language()))
    PLACE.mkdir(parents=True, exist_ok=True)
    shutil.rmtree(COPY, ignore_errors=True)
    for file in subprocess.check_output(["git", "ls-files", "-z"], cwd=ROOT, text=True).split("\0")[:-1]:
        (COPY / file).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(ROOT / file, COPY / file)
    mutants = listed()
    manifest = COPY / "Cargo.toml"
    without_lints = re.sub(r"(?ms)^\[lints\..*?(?=^\[(?!lints)|\Z)", "", manifest.read_text())
    manifest.write_text(without_lints + "\n[profile.dev.package.offboard24]\ndebug = 0\n")
    with (COPY / "src/lib.rs").open("a") as lib:
        lib.write("\nmod mutant;\n")
    (COPY / "src/mutant.rs").write_text(MODULE)
    passed_on = '.env_clear().envs(std::env::vars_os().filter(|(name, _)| name.to_string_lossy().starts_with("MUTANT")))'
    for test in COPY.glob("tests/it/**/*.rs"):
        if ".env_clear()" in (text := test.read_text()):
            test.write_text(text.replace(".env_clear()", passed_on))
    # A second value of another type cannot be given back beside the first.
    out = {m["number"]: LEFT_OUT for m in mutants if m["genre"] == "FnValue" and "impl " in m["function"]["return_type"]}
    while True:
        for file in sorted({m["file"] for m in mutants}):
            in_file = [m for m in mutants if m["file"] == file and m["number"] not in out]
            weaver = Weaver(parser, file, in_file)
            (COPY / file).write_text(weaver.weave(weaver.tree).replace("const fn", "fn"))
            out |= {m["number"]: why for m in in_file if (why := weaver.why_not(m))}
        guilty = errors(mutants, ["check", "--lib"])
        if not guilty:
            break
        out.update(guilty)
        print(f"{len(guilty)} do not compile", flush=True)
    if guilty := errors(mutants, ["test", "--no-run", "--lib", "--bins", "--test", "it"]):
        sys.exit(f"the tests do not build: {guilty}")
    for mutant in mutants:
        mutant["out"] = out.get(mutant["number"])
    (PLACE / "mutants.json").write_text(json.dumps(mutants))
    for of_others in ("cover.jsonl", "results.jsonl"):
        (PLACE / of_others).unlink(missing_ok=True)
    print(f"{len(mutants)} mutants, {len(out)} of them out")


def errors(mutants, arguments):
    """The mutants in which the compiler sees errors, with what it says. Also keeps the places of the test binaries."""
    command = ["cargo", arguments[0], "-j1", "--locked", "--message-format=json", *arguments[1:]]
    environment = os.environ | {"CARGO_TARGET_DIR": str(PLACE / "target")}
    done = subprocess.run(command, cwd=COPY, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    guilty, binaries = {}, {}
    for line in filter(lambda line: line.startswith("{"), done.stdout.splitlines()):
        line = json.loads(line)
        if line["reason"] == "compiler-artifact" and line["profile"]["test"] and line["target"]["kind"] != ["bin"]:
            binaries[line["target"]["name"]] = line["executable"]
        message = line.get("message", {})
        if message.get("level") != "error" or not message["spans"]:
            continue
        spans = in_order(message)
        inside = [found for span in spans if (found := innermost(span))]
        if message["code"] and message["code"]["code"] == "E0004":
            # A match that needs the arm: seen at the match, not at the arm.
            first, last = min(span["byte_start"] for span in spans), max(span["byte_end"] for span in spans)
            marks = re.findall(rb"/\*<([\d,]+)", (COPY / spans[0]["file_name"]).read_bytes()[first:last])
            marked = {int(number) for mark in marks for number in mark.split(b",")}
            inside = [[number for number in marked if mutants[number]["genre"] == "MatchArm"]]
        if not inside:
            sys.exit("an error at no mutant:\n" + message["rendered"])
        is_constant = message["code"] and message["code"]["code"] == "E0015"
        guilty.update({number: LEFT_OUT if is_constant else "unviable" for number in inside[0]})
    if done.returncode and not guilty:
        sys.exit(done.stderr)
    (PLACE / "binaries.json").write_text(json.dumps(binaries))
    return guilty


def in_order(message):
    spans = sorted(message["spans"], key=lambda span: not span["is_primary"])
    spans += [span for child in message["children"] for span in child["spans"]]
    return [span for span in spans if span["file_name"].startswith("src/")]


def innermost(span):
    text, opened = (COPY / span["file_name"]).read_bytes()[: span["byte_start"]], []
    for mark in re.finditer(rb"/\*(?:<([\d,]+)|>)\*/", text):
        opened.append(mark[1]) if mark[1] else opened.pop()
    return [int(number) for number in opened[-1].split(b",")] if opened else None