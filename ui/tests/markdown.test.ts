import { describe, expect, it } from "vitest";
import { withoutCitations } from "@/shared/answerText";
import { createRenderer, type MarkdownContext } from "@/shared/markdown";

function draw(text: string, more: Partial<MarkdownContext> = {}): HTMLElement {
  const context: MarkdownContext = { source: (n) => (n <= 2 ? `Source ${n}` : null), pending: false, highlight: null, copyLabel: "Copy", ...more };
  const node = document.createElement("div");
  node.innerHTML = createRenderer()(text, context).join("");
  return node;
}

describe("citations", () => {
  it("become buttons that name their source", () => {
    const node = draw("The budget is 412,000 EUR [1], see also [1, 2] and 【2】。");
    const marks = [...node.querySelectorAll("button.cite")];
    expect(marks.map((mark) => mark.getAttribute("data-cite"))).toEqual(["1", "1", "2", "2"]);
    expect(marks[0]?.getAttribute("aria-label")).toBe("Source 1");
    expect(marks[0]?.getAttribute("data-testid")).toBe("citation-mark");
  });

  it("do not stand alone on the next line", () => {
    expect(draw("412,000 EUR [1]").textContent).toContain("EUR\u202f1");
  });

  it("stay text when the answer has no such source, in code, and in links", () => {
    expect(draw("see [7]").textContent).toBe("see [7]\n");
    expect(draw("`a[1]`").querySelector(".cite")).toBeNull();
    expect(draw("[1](https://example.org)").querySelector(".cite")).toBeNull();
  });

  it("keep their place while the sources are not known yet", () => {
    const node = draw("so [1]", { pending: true, source: () => null });
    expect(node.querySelector("span.cite")?.textContent).toBe("1");
    expect(node.querySelector("button")).toBeNull();
  });

  it("are left out of copied text", () => {
    expect(withoutCitations("EUR [1], of which [1, 2] x[2](u)")).toBe("EUR, of which x[2](u)");
    expect(withoutCitations("完成【1】。")).toBe("完成。");
  });
});

describe("untrusted text", () => {
  it.each([
    "<img src=x onerror=alert(1)>",
    "<script>alert(1)</script>",
    "[x](javascript:alert(1))",
    "[x](data:text/html,<script>1</script>)",
    "![x](https://evil.example/pixel.png)",
    '<button data-cite="1">1</button>',
    "```\n</code><script>alert(1)</script>\n```",
    '[x](https://a.example "\\" onmouseover=\\"alert(1)")',
    "<style>*{display:none}</style>",
    "<a href='//evil.example' style='position:fixed'>x</a>",
  ])("does nothing: %s", (text) => {
    const node = draw(text);
    expect(node.querySelector("img, script, style, iframe, form, input, [style]")).toBeNull();
    for (const element of node.querySelectorAll("*")) {
      for (const attribute of element.attributes) expect(attribute.name).not.toMatch(/^on/);
    }
    for (const link of node.querySelectorAll("a")) expect(link.getAttribute("href") ?? "").toMatch(/^https:/);
    expect(node.querySelector("[data-cite]")).toBeNull();
  });

  it("cannot name a source in HTML", () => {
    const node = draw("[1]", { source: () => '"><img src=x onerror=alert(1)>' });
    expect(node.querySelector("img")).toBeNull();
    expect(node.querySelectorAll("button")).toHaveLength(1);
  });
});

describe("growing text", () => {
  it("redraws only its last block", () => {
    const render = createRenderer();
    const context: MarkdownContext = { source: () => null, pending: true, highlight: null, copyLabel: "Copy" };
    const first = render("One.\n\nTwo", context);
    const second = render("One.\n\nTwo and more", context);
    expect(first).toHaveLength(2);
    expect(second[0]).toBe(first[0]);
    expect(second[1]).toContain("Two and more");
  });

  it("colours code once that part is loaded", () => {
    const node = draw("```rust\nlet x = 1;\n```", { highlight: (code, language) => `<span class="hljs-keyword">${language}</span>${code}` });
    expect(node.querySelector(".hljs-keyword")?.textContent).toBe("rust");
    expect(node.querySelector("[data-copy]")?.textContent).toBe("Copy");
  });
});
