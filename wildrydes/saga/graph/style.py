"""How a saga's picture looks, by day and by night."""

from __future__ import annotations

DAY = """
{root}{{--sg-paper:#ffffff;--sg-ink:#0f172a;--sg-soft:#5b677a;--sg-line:#c3ccd9;--sg-way:#475569;
--sg-frame:#f6f8fb;--sg-tag:#334155}}
{root} .sg-pending,{root} .sg-skipped{{color:#64748b}}
{root} .sg-running,{root} .sg-retrying{{color:#1d4ed8}}
{root} .sg-completed{{color:#15803d}}
{root} .sg-failed{{color:#b91c1c}}
{root} .sg-refused{{color:#be185d}}
{root} .sg-timed_out{{color:#c2410c}}
{root} .sg-compensating,{root} .sg-compensated{{color:#6d28d9}}
{root} .sg-stuck{{color:#b45309}}
"""

NIGHT = """
{root}{{--sg-paper:#111827;--sg-ink:#f1f5f9;--sg-soft:#a3b0c2;--sg-line:#475569;--sg-way:#a8b4c5;
--sg-frame:#172033;--sg-tag:#cbd5e1}}
{root} .sg-pending,{root} .sg-skipped{{color:#94a3b8}}
{root} .sg-running,{root} .sg-retrying{{color:#60a5fa}}
{root} .sg-completed{{color:#4ade80}}
{root} .sg-failed{{color:#f87171}}
{root} .sg-refused{{color:#f472b6}}
{root} .sg-timed_out{{color:#fb923c}}
{root} .sg-compensating,{root} .sg-compensated{{color:#b197fc}}
{root} .sg-stuck{{color:#fbbf24}}
"""

SHAPES = """
.sg{font-family:ui-sans-serif,system-ui,-apple-system,'Segoe UI',Roboto,Helvetica,Arial,sans-serif}
.sg .sg-paper{fill:var(--sg-paper);stroke:none}
.sg .sg-tint{fill:currentColor;fill-opacity:.08;stroke:currentColor;stroke-width:1.5}
.sg .sg-pending .sg-tint,.sg .sg-skipped .sg-tint{fill-opacity:0;stroke:var(--sg-line);
stroke-width:1.2;stroke-dasharray:4 3}
.sg .sg-running .sg-tint,.sg .sg-compensating .sg-tint{stroke-width:2.2}
.sg .sg-stuck .sg-tint{fill-opacity:.2;stroke-width:2.6}
.sg .sg-alarm{fill:none;stroke:currentColor;stroke-width:2;stroke-dasharray:7 5}
.sg .sg-name{fill:var(--sg-ink);font-size:13.5px;font-weight:600}
.sg .sg-undo .sg-name{font-size:12.5px;font-weight:500}
.sg .sg-pending .sg-name,.sg .sg-skipped .sg-name{fill:var(--sg-soft)}
.sg .sg-word{fill:currentColor;font-size:11.5px;font-weight:600}
.sg .sg-note{fill:var(--sg-soft);font-size:11px;font-weight:400}
.sg .sg-solid{fill:currentColor}
.sg .sg-hole{fill:var(--sg-paper)}
.sg .sg-cut{fill:none;stroke:var(--sg-paper);stroke-width:2.2;stroke-linecap:round;
stroke-linejoin:round}
.sg .sg-line{fill:none;stroke:currentColor;stroke-width:2.2;stroke-linecap:round;
stroke-linejoin:round}
.sg .sg-thin{fill:none;stroke:currentColor;stroke-width:1.5}
.sg .sg-round{stroke:currentColor;stroke-width:2;stroke-linejoin:round}
.sg .sg-faint{opacity:.3}
.sg .sg-frame{fill:var(--sg-frame);stroke:var(--sg-line);stroke-width:1}
.sg .sg-way{fill:none;stroke:var(--sg-line);stroke-width:1.4;stroke-dasharray:3 4}
.sg .sg-way.sg-gone{stroke:var(--sg-way);stroke-width:2;stroke-dasharray:none}
.sg .sg-way.sg-gone.sg-compensated{stroke:currentColor;stroke-width:2.4}
.sg .sg-head{fill:var(--sg-line)}
.sg .sg-head.sg-gone{fill:var(--sg-way)}
.sg .sg-head.sg-gone.sg-compensated{fill:currentColor}
.sg .sg-link{stroke:var(--sg-line);stroke-width:1.2;stroke-dasharray:1.5 4;stroke-linecap:round}
.sg .sg-pivot{stroke:var(--sg-tag);stroke-width:1.4;stroke-dasharray:2 4;stroke-linecap:round}
.sg .sg-side{fill:var(--sg-soft);font-size:11px}
.sg .sg-tag{fill:var(--sg-paper);stroke:var(--sg-line);stroke-width:1}
.sg .sg-tag.sg-strong{fill:var(--sg-tag);stroke:none}
.sg .sg-tag-text{fill:var(--sg-soft);font-size:10px;font-weight:600}
.sg .sg-strong+.sg-tag-text{fill:var(--sg-paper)}
.sg .sg-middle{text-anchor:middle}
.sg .sg-before{text-anchor:end}
@media (prefers-reduced-motion:no-preference){
.sg .sg-turning{animation:sg-turning 1.6s linear infinite}
.sg .sg-pulse{animation:sg-pulse 1.6s ease-in-out infinite}}
@keyframes sg-turning{to{transform:rotate(360deg)}}
@keyframes sg-pulse{50%{opacity:.35}}
"""


def sheet(*, standalone: bool) -> str:
    """Return the style sheet; on a page night is told by the class `dark`, alone by the system."""
    day = DAY.format(root=".sg")
    if standalone:
        night = f"@media (prefers-color-scheme:dark){{{NIGHT.format(root='.sg')}}}"
    else:
        night = NIGHT.format(root=".dark .sg")
    return f"<style>{day}{night}{SHAPES}</style>"
