//! The table's columns, and the way between our types and Arrow's.

use std::{collections::HashMap, sync::Arc};

use arrow_array::{Array, ArrayRef, FixedSizeListArray, Float32Array, RecordBatch, StringArray, types::Float32Type};
use arrow_schema::{ArrowError, DataType, Field, Schema, SchemaRef};
use molt_core::{DocumentId, IndexChunk, IndexError, IndexFilter, IndexHit, SourceId};

use crate::{VectorSpace, vectors::Entry};

pub(crate) const CHUNK: &str = "chunk_id";
pub(crate) const DOCUMENT: &str = "document_id";
pub(crate) const SOURCE: &str = "source_id";
pub(crate) const TEXT: &str = "text";
pub(crate) const VECTOR: &str = "vector";

/// Changes whenever the columns or the word index change in a way that needs a rebuild.
const LAYOUT: &str = "1";
const LAYOUT_KEY: &str = "molt.layout";
const MODEL_KEY: &str = "molt.embedder";

/// The table's columns. Its metadata names the layout and the embedder, so that they are written in the same commit as
/// the table itself.
pub(crate) fn schema(space: Option<&VectorSpace>) -> SchemaRef {
    let text = |name| Field::new(name, DataType::Utf8, false);
    let mut fields = vec![text(CHUNK), text(DOCUMENT), text(SOURCE), text(TEXT)];
    let mut metadata = HashMap::from([(LAYOUT_KEY.to_owned(), LAYOUT.to_owned())]);
    if let Some(space) = space {
        fields.push(Field::new(VECTOR, vector_type(space.dimension), true));
        metadata.insert(MODEL_KEY.to_owned(), space.model.clone());
    }
    Arc::new(Schema::new_with_metadata(fields, metadata))
}

fn vector_type(dimension: u32) -> DataType {
    DataType::FixedSizeList(Arc::new(Field::new("item", DataType::Float32, true)), dimension as i32)
}

/// The embedder whose vectors a table holds, if there is one; nothing if the table is of another layout than ours.
pub(crate) fn space_of(found: &Schema) -> Option<Option<VectorSpace>> {
    let space = match found.field_with_name(VECTOR) {
        Ok(field) => {
            let DataType::FixedSizeList(_, dimension) = field.data_type() else { return None };
            let model = found.metadata.get(MODEL_KEY)?.clone();
            Some(VectorSpace { model, dimension: u32::try_from(*dimension).ok()? })
        }
        Err(_) => None,
    };
    same_layout(found, &schema(space.as_ref())).then_some(space)
}

/// Whether a table on the disk has exactly the columns and the embedder of `wanted`.
pub(crate) fn same_layout(found: &Schema, wanted: &Schema) -> bool {
    let columns = |schema: &Schema| -> Vec<(String, DataType)> {
        schema.fields().iter().map(|field| (field.name().clone(), field.data_type().clone())).collect()
    };
    let keys = [LAYOUT_KEY, MODEL_KEY];
    columns(found) == columns(wanted) && keys.iter().all(|key| found.metadata.get(*key) == wanted.metadata.get(*key))
}

/// One batch of rows. Vectors of length zero have no direction and are stored as none.
pub(crate) fn batch(
    schema: &SchemaRef,
    dimension: Option<u32>,
    chunks: &[IndexChunk],
) -> Result<RecordBatch, ArrowError> {
    let text =
        |of: fn(&IndexChunk) -> &str| -> ArrayRef { Arc::new(StringArray::from_iter_values(chunks.iter().map(of))) };
    let mut columns = vec![
        text(|chunk| chunk.id.as_str()),
        text(|chunk| chunk.document_id.as_str()),
        text(|chunk| chunk.source_id.as_str()),
        text(|chunk| chunk.text.as_str()),
    ];
    if let Some(dimension) = dimension {
        let vectors = chunks.iter().map(|chunk| {
            let vector = chunk.vector.as_ref().filter(|vector| has_direction(vector))?;
            Some(vector.iter().map(|value| Some(*value)).collect::<Vec<_>>())
        });
        columns.push(Arc::new(FixedSizeListArray::from_iter_primitive::<Float32Type, _, _>(vectors, dimension as i32)));
    }
    RecordBatch::try_new(schema.clone(), columns)
}

pub(crate) fn has_direction(vector: &[f32]) -> bool {
    vector.iter().any(|value| *value != 0.0)
}

/// Refuses a vector that could not be compared with the others.
pub(crate) fn check_vector(vector: &[f32], dimension: u32) -> Result<(), IndexError> {
    if vector.len() != dimension as usize {
        return Err(IndexError::Failed(format!(
            "it holds vectors of length {dimension}, but was given one of length {}; the embedder has changed",
            vector.len()
        )));
    }
    if !vector.iter().all(|value| value.is_finite()) {
        return Err(IndexError::Failed("it was given a vector with a value that is not a number".to_owned()));
    }
    Ok(())
}

fn column<'a, T: Array + 'static>(batch: &'a RecordBatch, name: &str) -> Result<&'a T, IndexError> {
    batch
        .column_by_name(name)
        .and_then(|column| column.as_any().downcast_ref())
        .ok_or_else(|| IndexError::Failed(format!("an answer lacks its column `{name}`")))
}

/// The values of a text column.
pub(crate) fn texts<'a>(batch: &'a RecordBatch, name: &str) -> Result<impl Iterator<Item = &'a str>, IndexError> {
    Ok(column::<StringArray>(batch, name)?.iter().flatten())
}

/// Hands over the rows that have a vector.
pub(crate) fn entries(batch: &RecordBatch, mut take: impl FnMut(Entry<'_>)) -> Result<(), IndexError> {
    let vectors = column::<FixedSizeListArray>(batch, VECTOR)?;
    let length = vectors.value_length() as usize;
    let numbers = vectors.values().as_any().downcast_ref::<Float32Array>();
    let numbers =
        numbers.ok_or_else(|| IndexError::Failed(format!("the column `{VECTOR}` is of another kind")))?.values();
    let (chunks, documents, sources) = (texts(batch, CHUNK)?, texts(batch, DOCUMENT)?, texts(batch, SOURCE)?);
    for ((row, chunk), (document, source)) in chunks.enumerate().zip(documents.zip(sources)) {
        if vectors.is_valid(row) {
            take(Entry { chunk, document, source, vector: &numbers[row * length..(row + 1) * length] });
        }
    }
    Ok(())
}

/// The hits of an answer; `score` turns the value of `column` into "larger is better".
pub(crate) fn hits(
    batch: &RecordBatch,
    score_column: &str,
    score: impl Fn(f32) -> f32,
) -> Result<Vec<IndexHit>, IndexError> {
    let chunks = texts(batch, CHUNK)?;
    let documents = texts(batch, DOCUMENT)?;
    let scores = column::<Float32Array>(batch, score_column)?.values();
    let hit = |((chunk, document), value): ((&str, &str), &f32)| IndexHit {
        id: chunk.into(),
        document_id: document.into(),
        score: score(*value),
    };
    Ok(chunks.zip(documents).zip(scores).map(hit).collect())
}

/// `document_id IN ('…', …)`. Ids are ours, but they end up in a query language: anything else is refused.
pub(crate) fn one_of<'a>(column: &str, ids: impl IntoIterator<Item = &'a str>) -> Result<String, IndexError> {
    let mut list = String::new();
    for id in ids {
        check_id(id)?;
        let comma = if list.is_empty() { "" } else { "," };
        list.extend([comma, "'", id, "'"]);
    }
    Ok(format!("{column} IN ({list})"))
}

/// `None` lets everything through.
pub(crate) fn filter(wanted: &IndexFilter) -> Result<Option<String>, IndexError> {
    let sources = (!wanted.sources.is_empty()).then(|| one_of(SOURCE, wanted.sources.iter().map(SourceId::as_str)));
    let documents = (!wanted.documents.is_empty()).then(|| document_filter(&wanted.documents));
    let both: Vec<String> = [sources, documents].into_iter().flatten().collect::<Result<_, _>>()?;
    Ok((!both.is_empty()).then(|| both.join(" AND ")))
}

pub(crate) fn document_filter(documents: &[DocumentId]) -> Result<String, IndexError> {
    one_of(DOCUMENT, documents.iter().map(DocumentId::as_str))
}

pub(crate) fn check_id(id: &str) -> Result<(), IndexError> {
    let ours = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-';
    if id.is_empty() || !id.bytes().all(ours) {
        return Err(IndexError::Failed(format!("`{}` is not an id", id.escape_debug())));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn space(model: &str, dimension: u32) -> VectorSpace {
        VectorSpace { model: model.to_owned(), dimension }
    }

    #[test]
    fn another_embedder_is_another_layout() {
        let with = schema(Some(&space("a", 3)));
        assert!(same_layout(&with, &schema(Some(&space("a", 3)))));
        assert!(!same_layout(&with, &schema(Some(&space("b", 3)))));
        assert!(!same_layout(&with, &schema(Some(&space("a", 4)))));
        assert!(!same_layout(&with, &schema(None)));
        assert!(same_layout(&schema(None), &schema(None)));
        assert_eq!(space_of(&with), Some(Some(space("a", 3))));
        assert_eq!(space_of(&schema(None)), Some(None));
        let mut other = Schema::clone(&with);
        other.metadata.insert(LAYOUT_KEY.to_owned(), "0".to_owned());
        assert_eq!(space_of(&other), None);
    }

    #[test]
    fn filters_hold_ids_and_nothing_else() {
        assert_eq!(one_of("c", ["a-1", "B2"]).unwrap(), "c IN ('a-1','B2')");
        for hostile in ["", "a'b", "a b", "') OR (true", "ä", "a_b", "a\0"] {
            assert!(one_of("c", ["ok", hostile]).is_err(), "{hostile:?}");
        }
        let wanted = |sources: &[&str], documents: &[&str]| IndexFilter {
            sources: sources.iter().map(|id| (*id).into()).collect(),
            documents: documents.iter().map(|id| (*id).into()).collect(),
        };
        assert_eq!(filter(&wanted(&[], &[])).unwrap(), None);
        let both = filter(&wanted(&["s"], &["d", "e"])).unwrap();
        assert_eq!(both.as_deref(), Some("source_id IN ('s') AND document_id IN ('d','e')"));
        assert!(filter(&wanted(&["s"], &["d') OR (true"])).is_err());
    }

    #[test]
    fn vectors_are_checked_before_they_are_stored() {
        assert!(check_vector(&[0.6, 0.8], 2).is_ok());
        assert!(check_vector(&[1.0], 2).is_err());
        assert!(check_vector(&[1.0, f32::NAN], 2).is_err());
        assert!(check_vector(&[1.0, f32::INFINITY], 2).is_err());
        assert!(!has_direction(&[0.0, -0.0]));
    }

    #[test]
    fn a_chunk_without_a_vector_is_a_row_without_one() {
        let schema = schema(Some(&space("a", 2)));
        let chunk = |id: &str, vector: Option<Vec<f32>>| IndexChunk {
            id: id.into(),
            document_id: "d".into(),
            source_id: "s".into(),
            text: "文".to_owned(),
            vector,
        };
        let rows = [chunk("1", Some(vec![0.6, 0.8])), chunk("2", None), chunk("3", Some(vec![0.0, 0.0]))];
        let batch = batch(&schema, Some(2), &rows).unwrap();
        assert_eq!(texts(&batch, CHUNK).unwrap().collect::<Vec<_>>(), ["1", "2", "3"]);
        let vectors = batch.column_by_name(VECTOR).unwrap();
        assert_eq!((0..3).map(|row| vectors.is_null(row)).collect::<Vec<_>>(), [false, true, true]);
    }
}
