//! Forms of browsers: `${filename}` in the key stands for the name of the file, which the protocol library does not
//! put in.

const PLACEHOLDER: &[u8] = b"${filename}";

fn find(text: &[u8], what: &[u8]) -> Option<usize> {
    text.windows(what.len()).position(|window| window == what)
}

/// The body with the file's name put in; nothing if there is no place for it. What comes after the file's header is
/// not touched.
pub fn put_file_name(body: &[u8]) -> Option<Vec<u8>> {
    let header = find(body, b"name=\"file\"")?;
    let (fields, file) = body.split_at_checked(header)?;
    find(fields, PLACEHOLDER)?;
    let line = file.get(..find(file, b"\r\n")?)?;
    let start = find(line, b"filename=\"")? + b"filename=\"".len();
    let rest = line.get(start..)?;
    let name = rest.get(..find(rest, b"\"")?)?;
    // Some browsers send the whole path.
    let from = name
        .iter()
        .rposition(|byte| matches!(byte, b'/' | b'\\'))
        .map_or(0, |at| at + 1);
    let name = name.get(from..)?;
    let mut changed = Vec::with_capacity(body.len() + name.len());
    let mut fields = fields;
    while let Some(at) = find(fields, PLACEHOLDER) {
        changed.extend_from_slice(fields.get(..at)?);
        changed.extend_from_slice(name);
        fields = fields.get(at + PLACEHOLDER.len()..)?;
    }
    changed.extend_from_slice(fields);
    changed.extend_from_slice(file);
    Some(changed)
}

#[cfg(test)]
mod tests {
    use super::*;

    const FORM: &str = "--b\r\nContent-Disposition: form-data; name=\"key\"\r\n\r\nup/${filename}\r\n--b\r\nContent-Disposition: form-data; name=\"file\"; filename=\"C:\\a\\x.txt\"\r\n\r\n${filename}\r\n--b--";

    #[test]
    fn the_name_is_put_into_the_key_and_not_into_the_file() {
        let changed = String::from_utf8(put_file_name(FORM.as_bytes()).unwrap()).unwrap();
        assert!(
            changed.contains("\r\n\r\nup/x.txt\r\n") && changed.contains("\r\n\r\n${filename}\r\n")
        );
    }

    #[test]
    fn other_bodies_are_left_alone() {
        for body in [
            "",
            "${filename}",
            "name=\"file\"",
            &FORM.replace("up/${filename}", "up"),
        ] {
            assert_eq!(put_file_name(body.as_bytes()), None, "{body}");
        }
    }
}
