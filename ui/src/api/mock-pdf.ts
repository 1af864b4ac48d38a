/** A small PDF made of pretended passages. Only in the dev server. */

const WIDTH = 78;

function lines(text: string): string[] {
  const result: string[] = [];
  for (const word of text.split(/\s+/)) {
    const last = result.at(-1);
    if (last !== undefined && last.length + word.length < WIDTH) result[result.length - 1] = `${last} ${word}`;
    else result.push(word);
  }
  return result;
}

/** One page for each number up to the highest; Latin letters only. */
export function pdfOf(chunks: readonly { text: string; page: number | null }[]): ArrayBuffer {
  const count = Math.max(1, ...chunks.map((chunk) => chunk.page ?? 1));
  const objects = [`<< /Type /Catalog /Pages 2 0 R >>`, `<< /Type /Pages /Count ${count} /Kids [${Array.from({ length: count }, (_, at) => `${4 + 2 * at} 0 R`).join(" ")}] >>`, `<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>`];
  for (let page = 1; page <= count; page += 1) {
    const drawn = chunks.filter((chunk) => (chunk.page ?? 1) === page).flatMap((chunk) => [...lines(chunk.text), ""]);
    const text = `BT /F 11 Tf 16 TL 72 760 Td ${drawn.map((line) => `(${line.replace(/[\\()]/g, "\\$&")}) Tj T*`).join(" ")} ET`;
    objects.push(`<< /Type /Page /Parent 2 0 R /MediaBox [0 0 595 842] /Contents ${5 + 2 * (page - 1)} 0 R /Resources << /Font << /F 3 0 R >> >> >>`);
    objects.push(`<< /Length ${text.length} >> stream\n${text}\nendstream`);
  }
  let file = "%PDF-1.4\n";
  const offsets = objects.map((object, at) => {
    const offset = file.length;
    file += `${at + 1} 0 obj ${object} endobj\n`;
    return `${String(offset).padStart(10, "0")} 00000 n \n`;
  });
  file += `xref\n0 ${objects.length + 1}\n0000000000 65535 f \n${offsets.join("")}trailer << /Size ${objects.length + 1} /Root 1 0 R >>\nstartxref\n${file.length}\n%%EOF\n`;
  return Uint8Array.from(file, (letter) => letter.charCodeAt(0)).buffer;
}
