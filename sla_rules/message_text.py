"""A message as its author wrote it: HTML, quoted replies and signatures are taken away.

It does not judge what is left; `classify` does.
"""

from __future__ import annotations

import re
import unicodedata
from html import unescape

MAX_LENGTH = 20_000
"""Characters of a message that are read; what follows is ignored."""

_INVISIBLE_HTML = re.compile(
    r"<!--.*?(?:-->|\Z)|<(script|style|head|blockquote)\b.*?(?:</\1\s*>|\Z)",
    re.IGNORECASE | re.DOTALL,
)
_QUOTE_BLOCK = re.compile(
    r"<(?:div|p|section|table)\b[^<>]{0,300}?"
    r"(?:gmail_quote|yahoo_quoted|divRplyFwdMsg|moz-cite-prefix|OutlookMessageHeader)",
    re.IGNORECASE,
)
_BREAKING_TAG = re.compile(
    r"<(?:br|/?p|/?div|/?li|/?ul|/?ol|/?tr|/?table|/?h[1-6]|hr)\b[^<>]{0,2000}>", re.IGNORECASE
)
_ANY_TAG = re.compile(r"</?[a-zA-Z][^<>]{0,2000}>")
_LOOKS_LIKE_HTML = re.compile(r"</?[a-zA-Z][^<>]{0,2000}>|<!--")

_REPLY_HEADER = re.compile(
    r"(?:(?:on|le|am|el|il|il giorno|op)\b.{3,200}"
    r"(?:wrote|a écrit|a ecrit|schrieb|escribió|escribio|ha scritto)\b.{0,80}:"
    r"|.{0,120}\b(?:wrote|a écrit|a ecrit|schrieb|escribió|escribio|ha scritto) ?:)\s*",
    re.IGNORECASE,
)
_CUT_LINE = re.compile(
    r"-{2,}\s*(?:original message|message d'origine|message original|ursprüngliche nachricht|"
    r"ursprungliche nachricht|original-?nachricht|mensaje original|messaggio originale|"
    r"forwarded message|message transféré|weitergeleitete nachricht|mensaje reenviado|"
    r"messaggio inoltrato)\b.*"
    r"|_{10,}\s*"
    r"|#{2,}-? ?(?:please type your reply above this line|.{0,60}au-dessus de cette ligne).*",
    re.IGNORECASE,
)
_HEADER_FROM = re.compile(r"\*?(?:from|de|von|da) ?:\*? .*", re.IGNORECASE)
_HEADER_NEXT = re.compile(
    r"\*?(?:sent|date|to|subject|envoyé|à|objet|gesendet|datum|an|betreff|enviado|fecha|para|asunto"
    r"|inviato|data|a|oggetto) ?:\*? .*",
    re.IGNORECASE,
)
_SENT_FROM = re.compile(
    r"(?:sent from my|sent from|envoyé de(?:puis)? mon|envoyé de(?:puis)?|von meinem|gesendet von|"
    r"diese nachricht wurde von meinem|enviado desde|inviato da(?:l mio)?|"
    r"get outlook for|télécharger outlook|outlook für)\b.{0,60}",
    re.IGNORECASE,
)
_SIGN_OFF = re.compile(
    r"(?:(?:bien )?cordialement|(?:bien )?à vous|salutations|meilleures salutations|"
    r"sincères salutations|bonne (?:journée|soirée|fin de journée)|cdlt|"
    r"mit (?:freundlichen|besten|herzlichen|lieben|vielen) gr(?:ü|u|ue)(?:ß|ss)en|"
    r"(?:viele|beste|liebe|freundliche|herzliche|schöne|sonnige) gr(?:ü|u|ue)(?:ß|ss)e|"
    r"gr(?:ü|u|ue)(?:ß|ss)e|lg|vg|mfg|"
    r"(?:kind|best|warm|warmest|many) regards|regards|best|best wishes|sincerely|"
    r"yours (?:sincerely|faithfully|truly)|cheers|all the best|"
    r"(?:un )?(?:cordial )?saludos?(?: cordiale?s?)?|(?:reciba un cordial saludo)|atentamente|"
    r"(?:cordiali|distinti|cari|tanti) saluti|(?:un )?cordiale? salut[oi]|saluti|cordialmente)"
    r"(?: (?:aus|from|de|depuis|desde|da|von)\b.{0,40})?[\s,.!]*",
    re.IGNORECASE,
)
_POSTSCRIPT = re.compile(r"\*?(?:p\.? ?s\.?|n\.? ?b\.?|edit|update|nachtrag)\b\s*[:.,\-–]?.*", re.I)
_SIGNATURE_LINES = 14
_SENTENCE_END = re.compile(r"[.!?…]+(?=[\s\"'»”)]|$)|\n+")
_SOFT_WRAP = re.compile(r"\n(?=[^\W_])")
_WRAPPED_FROM = 55


def own_words(text: str | None) -> str:
    """Return what the author wrote: no HTML, no quoted reply, no signature.

    Reads at most `MAX_LENGTH` characters. Empty for None, and for a message that only quotes.
    """
    if not text:
        return ""
    text = text[:MAX_LENGTH]
    if not text.isascii():
        text = unicodedata.normalize("NFKC", text)
    if "<" in text or "&" in text:
        text = _without_html(text)
    return _without_quotes_and_signature(text.replace("\r\n", "\n").replace("\r", "\n"))


def sentences(text: str) -> list[str]:
    """Split a text into its sentences, each with its closing mark and never empty.

    A line end closes a sentence, except where a mail program wrapped a long line.
    """
    if "\n" in text:
        text = _SOFT_WRAP.sub(_unwrapped, text)
    found: list[str] = []
    start = 0
    for end in _SENTENCE_END.finditer(text):
        found.append(text[start : end.end()].strip())
        start = end.end()
    found.append(text[start:].strip())
    return [sentence for sentence in found if sentence]


def _unwrapped(line_end: re.Match[str]) -> str:
    text, at = line_end.string, line_end.start()
    line_at = text.rfind("\n", 0, at) + 1
    wrapped = at - line_at >= _WRAPPED_FROM and text[at - 1] not in ".!?:"
    return " " if wrapped else "\n"


def _without_html(text: str) -> str:
    if _LOOKS_LIKE_HTML.search(text):
        text = _INVISIBLE_HTML.sub("\n", text)
        quoted = _QUOTE_BLOCK.search(text)
        if quoted:
            text = text[: quoted.start()]
        # a line end in HTML source is only a space; tags say where a line ends
        if re.search(r"<(?:br|p|div|li|td)\b", text, re.IGNORECASE):
            text = text.replace("\n", " ")
        text = _ANY_TAG.sub(" ", _BREAKING_TAG.sub("\n", text))
    return unescape(text).replace("\xa0", " ")


def _without_quotes_and_signature(text: str) -> str:
    kept: list[str] = []
    lines = [line.strip() for line in text.split("\n")]
    at = 0
    while at < len(lines):
        line = lines[at]
        if line.startswith(">"):
            at += 1
        elif _is_reply_header(lines, at):
            # an answer below the quote is still the author's; one above a full quote ends here
            after = _first_filled(lines, at + 1)
            wrapped = after < len(lines) and not lines[after].startswith(">")
            after = _first_filled(lines, after + 1) if wrapped and len(line) > 40 else after
            if after >= len(lines) or not lines[after].startswith(">"):
                break
            at = after
        elif _CUT_LINE.fullmatch(line) or _is_mail_header(lines, at):
            break
        elif _closes(line, said_something=any(kept)):
            at = _after_signature(lines, at + 1)
        else:
            kept.append(line)
            at += 1
    return "\n".join(kept).strip()


def _closes(line: str, *, said_something: bool) -> bool:
    if line in {"--", "—"} or _SENT_FROM.fullmatch(line):
        return True
    # at the top it is a greeting
    return said_something and _SIGN_OFF.fullmatch(line) is not None


def _is_reply_header(lines: list[str], at: int) -> bool:
    line = lines[at]
    if len(line) > 300 or not line:
        return False
    if line.endswith(":"):
        return _REPLY_HEADER.fullmatch(line) is not None
    # some mail programs wrap the header onto a second line
    if (
        at + 1 < len(lines)
        and lines[at + 1].endswith(":")
        and re.match(r"(?i)on|le|am|el|il", line)
    ):
        both = f"{line} {lines[at + 1]}"
        return (
            len(both) <= 300
            and re.search(r"\d", line) is not None
            and (_REPLY_HEADER.fullmatch(both) is not None)
        )
    return False


def _is_mail_header(lines: list[str], at: int) -> bool:
    return (
        _HEADER_FROM.fullmatch(lines[at]) is not None
        and at + 1 < len(lines)
        and _HEADER_NEXT.fullmatch(lines[_first_filled(lines, at + 1) % len(lines)]) is not None
    )


def _first_filled(lines: list[str], at: int) -> int:
    while at < len(lines) and not lines[at]:
        at += 1
    return at


def _after_signature(lines: list[str], at: int) -> int:
    """Return where the author speaks again after a sign-off: at a postscript or a long text."""
    for ahead in range(at, min(len(lines), at + _SIGNATURE_LINES)):
        line = lines[ahead]
        if (
            _POSTSCRIPT.fullmatch(line)
            or line.startswith(">")
            or _CUT_LINE.fullmatch(line)
            or _is_reply_header(lines, ahead)
        ):
            return ahead
    return len(lines)
