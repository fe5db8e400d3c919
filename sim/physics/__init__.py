"""The process models that the twins step and `vesiflow model` evaluates: pure functions over frozen dataclasses.

SI units inside (temperatures degC); `primary_drying` and `drying_run` keep the cm, g, Torr, cal of their literature.
Every `step(state, inputs, dt) -> state` may be called with any caller's time step; noise belongs to `sensor`.

tff             the filtration loop
    State(volume, amounts)                      retentate m^3 and amounts (kg or counts) by species
    Inputs(membrane, feed_flow, retentate_pressure, permeate_flow or None, permeate_pressure, buffer_flow, buffer)
    Membrane(fibres, area, resistance, mass_transfer, gel, gel_weights, sieving, fouling, fragile)
    step, advance(state, inputs, dt)            one step of at most 5 s; any time
    conditions(state, inputs)                   flux, permeate flow, P_feed, P_retentate, P_permeate, shear, what limits
    clean(state, efficiency), water_permeability(membrane, state), flow_for_shear(fibres, shear)
tff_flux        wall_shear, pressure_drop, resistance_flux, gel_flux, osmotic_flux, leveque_mass_transfer, hermia_*
tff_run         concentrated, concentrate_yield, diafiltered_share, discontinuous_share, GelLimit, run

sec             outlet curves of one injection
    outlet_curve(column, {name: Species}, flow, injection_volume) -> {name: Elution}
    Elution.at(volume) c/c0; .eluted(volume), .fraction(from, to) shares of the injected amount; .fractions; .peak
    elute(response, flow, injection_volume)     for GeneralRate or Equilibrium; moments, resolution
sec_column      back_pressure, compressed_porosity, overload, recovery, absorbance, EXTINCTION, SPECIES, small_column

electroporation pulse(settings, sample, rng) -> PulseResult; resistance, arc_index, arc_probability, predicted_warming
pulse           Cell, decayed, stored_energy, delivered_energy, heating, discharge and square with heating feedback
loading         membrane_voltage, charging_time, loading_ceiling, protected_loading, precipitated, recovered

lyophilization  vial classes from liquid to dry cake
    vial_classes(vial, count, rng) -> [VialClass]; filled(vials, temperature) -> State
    step(state, Inputs(vials, shelf, pressure, shelf_rate), dt); water(vials, state) g per vial; dried_share
primary_drying  Vial, Inputs, State, start, step, balance, vapour_pressure, frost_point
drying_run      dry(vial, shelf, pressure) -> DryingRun: the step looped over two `schedule.Schedule`s
schedule        staged(initial, setpoints, durations, ramp) -> Schedule(.at, .rate, .end, .unreached)
vacuum          Dryer, Inputs, State(.pirani), step, pirani_ratio, capability, choked_pressure, pressure_rise
freezing        liquid_time_constant, time_to_reach, crystallisation_time, relaxed
secondary_drying  desorption_rate, step
cake            Formulation, collapse, annealed_resistance, nucleation_resistance, vesicle_recovery

sensor          Sensor(lag, gain, bias, drift, noise, resolution, low, high); start, step, read -> Reading
analytics       particles_per_ug, purity_grade, counting_cv, diffusivity, counted
"""
