//! Documents of office programs: which format an archive holds, and what the three formats of Office Open XML have in common (parts
//! that are linked to each other).

mod docx;
mod drawing;
mod numbers;
mod odf;
mod outline;
mod pptx;
mod sheet;
mod xlsx;

pub use sheet::Rows;

use molt_core::{DocumentKind, ExtractedDocument};
use molt_extract_client::Failure;

use crate::{
    archive::{Archive, damaged, resolve},
    flow::Flow,
    xml::Tree,
};

/// Reads an archive. Names lie, so what is in it decides; `kind` is what its name says.
pub fn read(bytes: Vec<u8>, kind: DocumentKind, name: &str) -> Result<ExtractedDocument, Failure> {
    let mut archive = Archive::open(bytes, name)?;
    if let Some(mimetype) = archive.read("mimetype")? {
        let mimetype = String::from_utf8_lossy(&mimetype);
        if mimetype.trim() == "application/epub+zip" {
            return crate::epub::read(archive, name);
        }
        if mimetype.contains("opendocument") || mimetype.contains("sun.xml") {
            return odf::read(archive, name);
        }
    }
    let mut package = Package { archive, name: name.to_owned() };
    let main = package.links("")?.into_iter().find(|link| link.kind == "officeDocument").map(|link| link.part);
    let main = main.unwrap_or_default();
    let folder = main.split('/').next().unwrap_or_default().to_ascii_lowercase();
    let kind = match folder.as_str() {
        "word" => DocumentKind::Docx,
        "ppt" => DocumentKind::Pptx,
        "xl" => DocumentKind::Xlsx,
        _ => kind,
    };
    let mut flow = Flow::new(name);
    if let Some(title) = package.title()? {
        flow.name_it(&title);
    }
    match kind {
        DocumentKind::Docx => docx::read(package, or(main, "word/document.xml"), flow),
        DocumentKind::Pptx => pptx::read(package, or(main, "ppt/presentation.xml"), flow),
        DocumentKind::Xlsx => xlsx::read(package, or(main, "xl/workbook.xml"), flow),
        DocumentKind::Epub => crate::epub::read(package.archive, name),
        DocumentKind::Odf => odf::read(package.archive, name),
        _ => Err(damaged(name)),
    }
}

fn or(part: String, usual: &str) -> String {
    if part.is_empty() { usual.to_owned() } else { part }
}

/// An archive whose parts link to each other.
struct Package {
    archive: Archive,
    /// The file's, for sentences.
    name: String,
}

/// A link from one part to another.
struct Link {
    id: String,
    /// The last word of its type; the words before it differ between editions of the standard.
    kind: String,
    part: String,
}

impl Package {
    /// The links of a part to other parts, in order; of the package itself when `part` is empty.
    fn links(&mut self, part: &str) -> Result<Vec<Link>, Failure> {
        let (folder, file) = part.rsplit_once('/').map_or(("", part), |(folder, file)| (folder, file));
        let place = format!("{folder}/_rels/{file}.rels");
        let Some(tree) = self.tree(&place)? else { return Ok(Vec::new()) };
        let links = tree.root().descendants().filter(|element| element.name() == "Relationship");
        let links = links.filter(|link| link.attribute("TargetMode") != Some("External")).filter_map(|link| {
            Some(Link {
                id: link.attribute("Id")?.to_owned(),
                kind: link.attribute("Type")?.rsplit('/').next()?.to_owned(),
                part: resolve(part, link.attribute("Target")?),
            })
        });
        Ok(links.collect())
    }

    fn tree(&mut self, part: &str) -> Result<Option<Tree>, Failure> {
        match self.archive.read(part)? {
            Some(bytes) => Tree::parse(&bytes, &self.name).map(Some),
            None => Ok(None),
        }
    }

    /// The part without which there is no document.
    fn main(&mut self, part: &str) -> Result<Tree, Failure> {
        let tree = self.tree(part)?.ok_or_else(|| damaged(&self.name))?;
        if tree.root().children().next().is_none() { Err(damaged(&self.name)) } else { Ok(tree) }
    }

    fn title(&mut self) -> Result<Option<String>, Failure> {
        let tree = self.tree("docProps/core.xml")?;
        Ok(tree.and_then(|tree| Some(tree.root().at(&["coreProperties", "title"])?.text())))
    }
}

/// The part that an element's link names.
fn linked<'l>(links: &'l [Link], id: Option<&str>) -> Option<&'l Link> {
    links.iter().find(|link| Some(link.id.as_str()) == id)
}
