//! Text in drawings, which all Office Open XML formats have: shapes, tables, charts and diagrams.

use molt_extract_client::Failure;

use super::{Link, Package, linked};
use crate::{
    flow::row,
    xml::{Element, Tree},
};

/// Values of one series that are told; a chart of more is a picture of a sheet.
const MOST_VALUES: usize = 1000;

/// The lines of a shape's text, a line for each paragraph.
pub fn text_of(body: Element<'_>) -> String {
    let paragraphs = body.children().filter(|child| child.name() == "p").map(paragraph);
    paragraphs.collect::<Vec<_>>().join("\n").trim().to_owned()
}

/// One paragraph of a drawing.
pub fn paragraph(element: Element<'_>) -> String {
    let mut text = String::new();
    runs(element, &mut text);
    text
}

fn runs(element: Element<'_>, text: &mut String) {
    for child in element.children() {
        match child.name() {
            "t" => text.push_str(&child.text()),
            "br" => text.push('\n'),
            "tab" => text.push('\t'),
            "rPr" | "pPr" | "endParaRPr" => {}
            "AlternateContent" => runs(alternative(child), text),
            "oMath" | "oMathPara" => math(child, text),
            _ => runs(child, text),
        }
    }
}

/// What newer programs show, or what older ones do where that has no text.
pub fn alternative(element: Element<'_>) -> Element<'_> {
    let choice = element.child("Choice");
    let told = choice.is_some_and(|choice| choice.descendants().any(|e| matches!(e.name(), "t" | "chart" | "relIds")));
    match element.child("Fallback") {
        Some(fallback) if !told => fallback,
        _ => choice.unwrap_or(element),
    }
}

/// The cells of a table's row, row after row.
pub fn rows(table: Element<'_>) -> impl Iterator<Item = Vec<String>> {
    table.children().filter(|child| child.name() == "tr").map(|row| {
        let cells = row.children().filter(|child| child.name() == "tc");
        cells.map(|cell| cell.child("txBody").map(text_of).unwrap_or_default()).collect()
    })
}

/// A formula in one line.
pub fn math(element: Element<'_>, text: &mut String) {
    let part = |name: &str| {
        let mut text = String::new();
        if let Some(part) = element.child(name) {
            math(part, &mut text);
        }
        // One sign needs no brackets.
        if text.chars().count() > 1 { format!("({text})") } else { text }
    };
    match element.name() {
        "f" => *text += &format!("{}/{}", part("num"), part("den")),
        "sSup" => *text += &format!("{}^{}", part("e"), part("sup")),
        "sSub" => *text += &format!("{}_{}", part("e"), part("sub")),
        "sSubSup" => *text += &format!("{}_{}^{}", part("e"), part("sub"), part("sup")),
        "rad" => *text += &format!("√{}", part("e")),
        "nary" => {
            let sign = element.at(&["naryPr", "chr"]).and_then(|sign| sign.attribute("val")).unwrap_or("∫");
            *text += &format!("{sign}_{}^{} {}", part("sub"), part("sup"), part("e"));
        }
        "d" => {
            let inside: Vec<String> = element.children().filter(|child| child.name() == "e").map(math_text).collect();
            *text += &format!("({})", inside.join(", "));
        }
        "mr" => {
            let cells: Vec<String> = element.children().map(math_text).collect();
            *text += &format!("{}; ", cells.join(", "));
        }
        "t" => text.push_str(&element.text()),
        name if name.ends_with("Pr") => {}
        _ => element.children().for_each(|child| math(child, text)),
    }
}

fn math_text(element: Element<'_>) -> String {
    let mut text = String::new();
    math(element, &mut text);
    text
}

/// The texts of the charts and diagrams that stand below an element.
pub fn graphics(package: &mut Package, element: Element<'_>, links: &[Link]) -> Result<Vec<String>, Failure> {
    let mut texts = Vec::new();
    for graphic in element.descendants() {
        let link = match graphic.name() {
            "chart" => linked(links, graphic.link("id")),
            "relIds" => linked(links, graphic.link("dm")),
            _ => None,
        };
        let Some(link) = link else { continue };
        if let Some(tree) = package.tree(&link.part)? {
            texts.push(if graphic.name() == "chart" { chart(&tree) } else { diagram(&tree) });
        }
    }
    Ok(texts)
}

/// A chart as a table: a row of categories and one for each series.
fn chart(tree: &Tree) -> String {
    let mut lines = Vec::new();
    let root = tree.root();
    // Titles of the chart and of its axes.
    for title in root.descendants().filter(|element| element.name() == "title") {
        let text = title.descendants().filter(|element| element.name() == "p").map(paragraph);
        lines.extend(text.filter(|text| !text.trim().is_empty()));
    }
    let mut categories = Vec::new();
    for series in root.descendants().filter(|element| element.name() == "ser") {
        let row = |name: String, values: Vec<String>| self::row(&[vec![name], values].concat());
        let own = points(series, &["cat", "xVal"]);
        // Mostly all series have the same.
        if own != categories {
            lines.push(row(String::new(), own.clone()));
            categories = own;
        }
        let name = points(series, &["tx"]).into_iter().next().unwrap_or_default();
        lines.push(row(name, points(series, &["val", "yVal"])));
    }
    lines.retain(|line| !line.is_empty());
    lines.join("\n")
}

fn points(series: Element<'_>, names: &[&str]) -> Vec<String> {
    let Some(part) = series.children().find(|child| names.contains(&child.name())) else { return Vec::new() };
    part.descendants().filter(|element| element.name() == "v").map(Element::text).take(MOST_VALUES).collect()
}

fn diagram(tree: &Tree) -> String {
    let points = tree.root().descendants().filter(|element| element.name() == "pt");
    let texts = points.filter_map(|point| point.child("t")).map(text_of);
    texts.filter(|text| !text.is_empty()).collect::<Vec<_>>().join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tree(source: &str) -> Tree {
        Tree::parse(source.as_bytes(), "a").unwrap()
    }

    #[test]
    fn formulas_stand_in_one_line() {
        let tree = tree(
            "<m:oMath><m:r><m:rPr/><m:t>x=</m:t></m:r><m:f><m:num><m:r><m:t>a+b</m:t></m:r></m:num><m:den><m:r><m:t>2</m:t></m:r></m:den></m:f>
             <m:sSup><m:e><m:r><m:t>y</m:t></m:r></m:e><m:sup><m:r><m:t>2</m:t></m:r></m:sup></m:sSup>
             <m:rad><m:deg/><m:e><m:r><m:t>n</m:t></m:r></m:e></m:rad>
             <m:d><m:e><m:r><m:t>p</m:t></m:r></m:e><m:e><m:r><m:t>q</m:t></m:r></m:e></m:d></m:oMath>",
        );
        let mut text = String::new();
        math(tree.root(), &mut text);
        assert_eq!(text, "x=(a+b)/2y^2√n(p, q)");
    }

    #[test]
    fn charts_become_tables() {
        let tree = tree(
            "<c:chart><c:title><c:tx><c:rich><a:p><a:r><a:t>Sales</a:t></a:r></a:p></c:rich></c:tx></c:title>
             <c:ser><c:tx><c:strRef><c:f>B1</c:f><c:pt><c:v>2025</c:v></c:pt></c:strRef></c:tx>
             <c:cat><c:pt><c:v>March</c:v></c:pt><c:pt><c:v>April</c:v></c:pt></c:cat>
             <c:val><c:pt><c:v>3</c:v></c:pt><c:pt><c:v>4</c:v></c:pt></c:val></c:ser>
             <c:ser><c:tx><c:v>plan</c:v></c:tx><c:cat><c:pt><c:v>March</c:v></c:pt><c:pt><c:v>April</c:v></c:pt></c:cat>
             <c:val><c:pt><c:v>5</c:v></c:pt></c:val></c:ser></c:chart>",
        );
        assert_eq!(chart(&tree), "Sales\n | March | April\n2025 | 3 | 4\nplan | 5");
    }

    #[test]
    fn the_fallback_is_for_what_cannot_be_read() {
        let shown = |source: &str| {
            let tree = tree(source);
            paragraph(tree.root())
        };
        let fallback = "<Fallback><t>old</t></Fallback></AlternateContent>";
        assert_eq!(shown(&format!("<AlternateContent><Choice><t>new</t></Choice>{fallback}")), "new");
        assert_eq!(shown(&format!("<AlternateContent><Choice><ink/></Choice>{fallback}")), "old");
    }
}
