"""What notebooks show: HTML of its own colours, readable in light and dark."""

from __future__ import annotations

from keras_diagnostics.views.theme import RUN_COLORS

_COLORS = {
    "light": {
        "card": "#fff",
        "text": "#202124",
        "muted": "#5f6368",
        "line": "#dfe1e5",
        "grid": "#e8eaed",
        "code": "#f1f3f4",
        "link": "#1967d2",
        "mark": "#1967d2",
        "alarm": "#d50000",
        "error": "#b3261e",
        "error-back": "#fce8e6",
        "warning": "#8a4b00",
        "warning-back": "#feefc3",
        "info": "#174ea6",
        "info-back": "#e8f0fe",
        "good": "#1e6b34",
        "good-back": "#e4f3e8",
    },
    "dark": {
        "card": "#202124",
        "text": "#e8eaed",
        "muted": "#bdc1c6",
        "line": "#555",
        "grid": "#3c4043",
        "code": "#3c4043",
        "link": "#8ab4f8",
        "mark": "#8ab4f8",
        "alarm": "#ff5252",
        "error": "#f6aea9",
        "error-back": "#5c1e19",
        "warning": "#fdd663",
        "warning-back": "#4a3600",
        "info": "#aecbfa",
        "info-back": "#1f3352",
        "good": "#9bd5a8",
        "good-back": "#22402a",
    },
}
# Jupyter, VS Code and Colab say which theme they have, which may not be the system's.
_SAID = {
    "light": ('[data-jp-theme-light="true"]', ".vscode-light", "html[theme=light]"),
    "dark": ('[data-jp-theme-light="false"]', ".vscode-dark", "html[theme=dark]"),
}
_RULES = """
.keras-extras { display: block; max-width: 1100px; padding: 10px 14px; text-align: left;
  background: var(--card); color: var(--text); border: 1px solid var(--line);
  border-radius: 8px; font: 13px/1.45 Roboto, Helvetica, Arial, sans-serif; }
.keras-extras p { margin: 0 0 8px; }
.keras-extras a { color: var(--link); }
.keras-extras .scroll { overflow-x: auto; }
.keras-extras table { width: 100%; margin: 0; border: 0; border-collapse: collapse;
  background: none; font-size: 13px; font-variant-numeric: tabular-nums; }
.keras-extras tr, .keras-extras thead { background: none !important; border: 0; }
.keras-extras th, .keras-extras td { padding: 6px 12px 6px 0; border: 0;
  border-top: 1px solid var(--line); background: none; color: inherit;
  text-align: left !important; vertical-align: top; white-space: normal;
  max-width: none; overflow-wrap: break-word; }
.keras-extras th { color: var(--muted); font-weight: 500; white-space: nowrap; }
.keras-extras td.number, .keras-extras th.number { text-align: right !important; }
.keras-extras td.steps, .keras-extras td.code { white-space: nowrap; }
.keras-extras td.text { min-width: 180px; }
.keras-extras code { padding: 1px 4px; border-radius: 4px; background: var(--code);
  color: inherit; font-size: 12px; }
.keras-extras .muted, .keras-extras small { color: var(--muted); font-size: 12px; }
.keras-extras .chip { padding: 1px 8px; border-radius: 10px; white-space: nowrap;
  font-size: 12px; }
.keras-extras .error { color: var(--error); background: var(--error-back); }
.keras-extras .warning { color: var(--warning); background: var(--warning-back); }
.keras-extras .info { color: var(--info); background: var(--info-back); }
.keras-extras .good { color: var(--good); background: var(--good-back); }
.keras-extras .verdict { padding: 7px 12px; border-radius: 6px; font-size: 14px;
  font-weight: 500; overflow-wrap: anywhere; }
.keras-extras .facts { display: flex; flex-wrap: wrap; gap: 6px 32px;
  margin: 8px 0 12px 12px; }
.keras-extras .facts div { margin: 0; }
.keras-extras dt { color: var(--muted); font-size: 12px; font-weight: 400; }
.keras-extras dd { margin: 0; font-size: 15px; }
.keras-extras .depth-1, .keras-extras .depth-2, .keras-extras .depth-3 {
  margin-left: 14px; padding-left: 10px; border-left: 2px solid var(--line); }
.keras-extras .depth-2 { margin-left: 28px; }
.keras-extras .depth-3 { margin-left: 42px; }
.keras-extras svg { display: block; max-width: 100%; height: auto; font-size: 12px; }
.keras-extras .figures { display: flex; flex-wrap: wrap; gap: 8px 16px; }
""".strip()


def notebook_html(body: str) -> str:
    """Returns HTML for a cell's output: `body` in a box that carries its own style.

    Args:
        body: String, HTML whose text is escaped.
    """
    return f'<style>{_STYLE}</style><div class="keras-extras">{body}</div>'


def _style() -> str:
    variables = {
        theme: "".join(f"--{k}:{v};" for k, v in _with_runs(theme, colors).items())
        for theme, colors in _COLORS.items()
    }
    light, dark = variables["light"], variables["dark"]
    rules = [
        f".keras-extras{{color-scheme:light;{light}}}",
        "@media (prefers-color-scheme: dark){"
        f".keras-extras{{color-scheme:dark;{dark}}}}}",
    ]
    for theme, places in _SAID.items():
        where = ",".join(f"{place} .keras-extras" for place in places)
        rules.append(f"{where}{{color-scheme:{theme};{variables[theme]}}}")
    return "\n".join([*rules, _RULES])


def _with_runs(theme: str, colors: dict[str, str]) -> dict[str, str]:
    runs = {f"run{n}": color for n, color in enumerate(RUN_COLORS[theme])}
    return {**colors, **runs}


_STYLE = _style()
