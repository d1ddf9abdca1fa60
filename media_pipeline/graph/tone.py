"""From HDR to what an ordinary screen shows: one closed expression, evaluated by ffmpeg once for each code value. Pure.

Sources: SMPTE ST 2084 (PQ), ARIB STD-B67 / ITU-R BT.2100 (HLG, system gamma 1.2 at 1000 cd/m²),
ITU-R BT.2390 §5.4 (the roll-off towards the screen's white), ITU-R BT.2408 (diffuse white 203 cd/m²),
ITU-R BT.1886 (gamma 2.4). The curve acts on each of R, G, B: saturated highlights lose a little
colour, as on a television.
"""

__all__ = ["display_values", "pq"]

_M1, _M2 = 2610 / 16384, 2523 / 4096 * 128
_C1, _C2, _C3 = 3424 / 4096, 2413 / 4096 * 32, 2392 / 4096 * 32
_A, _B, _C = 0.17883277, 0.28466892, 0.55991073
SOURCE_PEAK, SCREEN_WHITE = 1000.0, 203.0
"""cd/m². What phones and cameras master to; where their white paper lies."""


def pq(nits: float) -> float:
    """The PQ signal (0..1) of a luminance in cd/m²."""
    power = (nits / 10000) ** _M1
    return float(((_C1 + _C2 * power) / (1 + _C3 * power)) ** _M2)


def display_values(hdr: str) -> str:
    """For ffmpeg's `lutrgb`: from a code value of `hdr` («pq» or «hlg», full range RGB) to one of gamma 2.4.

    Black stays black, 203 cd/m² comes to about 90 % of the signal, 1000 and above to 100 %.
    """
    top = pq(SOURCE_PEAK)
    white = pq(SCREEN_WHITE) / top
    knee = 1.5 * white - 0.5
    code = "min(1,val/maxval)"
    if hdr == "hlg":
        scene = f"if(lte({code},0.5),{code}^2/3,(exp(({code}-{_C})/{_A})+{_B})/12)"
        power = f"pow(pow({scene},1.2)*{SOURCE_PEAK / 10000},{_M1})"
        signal = f"pow(({_C1}+{_C2}*{power})/(1+{_C3}*{power}),{_M2})/{top:.7f}"
    else:
        signal = f"min(1,{code}/{top:.7f})"
    hermite = (
        f"((2*ld(1)^3-3*ld(1)^2+1)*{knee:.7f}+(ld(1)^3-2*ld(1)^2+ld(1))*{1 - knee:.7f}"
        f"+(3*ld(1)^2-2*ld(1)^3)*{white:.7f})"
    )
    return (
        f"st(0,{signal});st(1,(ld(0)-{knee:.7f})/{1 - knee:.7f});"
        f"st(2,pow(if(lt(ld(0),{knee:.7f}),ld(0),{hermite})*{top:.7f},{1 / _M2:.9f}));"
        f"st(3,pow(max(ld(2)-{_C1},0)/({_C2}-{_C3}*ld(2)),{1 / _M1:.7f})*{10000 / SCREEN_WHITE:.6f});"
        "clip(pow(ld(3),1/2.4),0,1)*maxval"
    )
