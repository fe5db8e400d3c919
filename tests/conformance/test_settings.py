"""Serial settings as the manuals state them, flow control included, which no pty and no emulator can show."""

from __future__ import annotations

import pytest

from devices import registry

MANUALS = {
    "alicat_pcd": "19200 8N1",
    "atlas_ezo_ec": "9600 8N1",
    "eurotherm_modbus": "9600 8N1",
    "gilson_gsioc": "19200 8E1",
    "huber": "9600 8N1",
    "ismatec_reglo_icc": "9600 8N1",
    "julabo": "4800 7E1 RTS/CTS",
    "keyence_bl1300": "9600 7E1",
    "mettler_sics": "9600 8N1",
    "mks_937b": "9600 8N1",
    "pendotech_pressuremat": "9600 8N1",
    "pfeiffer_tpg362": "9600 8N1",
    "qinstruments_bioshake": "9600 8N1",
    "sartorius_sbi": "9600 8N1",
    "teledyne_ssi": "9600 8N1",
    "uv_modbus": "9600 8N1",
    "vici_actuator": "9600 8N1",
    "watson_marlow_323": "9600 8N2",
}


@pytest.mark.parametrize("name", MANUALS)
def test_factory_settings(name: str) -> None:
    assert str(registry.load(name).settings) == MANUALS[name]
