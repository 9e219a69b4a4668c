//! A Markdown document as GitHub reads it, reduced to what the rules look at.

use std::{collections::HashMap, ops::Range};

use pulldown_cmark::{CodeBlockKind, Event, Options, Parser, Tag, TagEnd};

#[derive(Debug, Default)]
pub(crate) struct Document {
    /// The anchors of the headings.
    pub(crate) anchors: Vec<String>,
    /// Destinations of links and images, with their lines.
    pub(crate) links: Vec<(usize, String)>,
    /// Texts such as `[Name]` that are meant as links and have no destination.
    pub(crate) unresolved: Vec<(usize, String)>,
    pub(crate) blocks: Vec<Block>,
    pub(crate) tables: Vec<Table>,
}

/// A fenced block of code.
#[derive(Debug)]
pub(crate) struct Block {
    pub(crate) line: usize,
    /// The heading above.
    pub(crate) under: String,
    /// What follows the fence, such as `rust,no_run`.
    pub(crate) info: String,
    pub(crate) text: String,
}

/// A table, the first row of which is the head. Code in a cell keeps its backticks.
#[derive(Debug)]
pub(crate) struct Table {
    pub(crate) line: usize,
    pub(crate) under: String,
    pub(crate) rows: Vec<Vec<String>>,
}

// === impl Document ===

impl Document {
    pub(crate) fn new(text: &str) -> Self {
        let mut document = Self::default();
        let line = |range: &Range<usize>| 1 + text[..range.start].matches('\n').count();
        let mut unresolved = Vec::new();
        let mut broken = |link: pulldown_cmark::BrokenLink<'_>| {
            unresolved.push((line(&link.span), text[link.span].to_owned()));
            None
        };
        let options = Options::ENABLE_TABLES | Options::ENABLE_GFM | Options::ENABLE_TASKLISTS;
        let parser = Parser::new_with_broken_link_callback(text, options, Some(&mut broken));
        let (mut under, mut inline) = (String::new(), String::new());
        let mut same = HashMap::new();
        for (event, range) in parser.into_offset_iter() {
            match event {
                Event::Start(Tag::Heading { .. } | Tag::TableCell) => inline.clear(),
                Event::End(TagEnd::Heading(_)) => {
                    under = inline.replace('`', "");
                    document.anchors.push(anchor(&under, &mut same));
                }
                Event::Start(Tag::Link { dest_url, .. } | Tag::Image { dest_url, .. }) => {
                    document.links.push((line(&range), dest_url.into_string()));
                }
                Event::Start(Tag::CodeBlock(kind)) => {
                    inline.clear();
                    document.blocks.push(Block {
                        line: line(&range),
                        under: under.clone(),
                        info: match kind {
                            CodeBlockKind::Fenced(info) => info.into_string(),
                            CodeBlockKind::Indented => String::new(),
                        },
                        text: String::new(),
                    });
                }
                Event::End(TagEnd::CodeBlock) => {
                    let block = document.blocks.last_mut().expect("a block has begun");
                    block.text = std::mem::take(&mut inline);
                }
                Event::Start(Tag::Table(_)) => document.tables.push(Table {
                    line: line(&range),
                    under: under.clone(),
                    rows: Vec::new(),
                }),
                Event::Start(Tag::TableHead | Tag::TableRow) => {
                    document.table().rows.push(Vec::new());
                }
                Event::End(TagEnd::TableCell) => {
                    let row = document.table().rows.last_mut();
                    row.expect("a row has begun").push(inline.clone());
                }
                Event::Text(text) => inline.push_str(&text),
                Event::Code(code) => inline.extend(["`", &code, "`"]),
                _ => (),
            }
        }
        document.unresolved = unresolved;
        document
    }

    fn table(&mut self) -> &mut Table {
        self.tables.last_mut().expect("a table has begun")
    }
}

/// The anchor of a heading by GitHub's rule. A heading with the same text as an earlier one gets a number.
fn anchor(heading: &str, same: &mut HashMap<String, usize>) -> String {
    let kept = |c: &char| c.is_alphanumeric() || matches!(c, ' ' | '-' | '_');
    let text: String = heading.to_lowercase().chars().filter(kept).collect();
    let anchor = text.replace(' ', "-");
    let earlier = same.entry(anchor.clone()).or_default();
    *earlier += 1;
    match *earlier {
        1 => anchor,
        n => format!("{anchor}-{}", n - 1),
    }
}

// === impl Block ===

impl Block {
    pub(crate) fn is(&self, language: &str) -> bool {
        self.info.split([',', ' ']).next() == Some(language)
    }
}
