"""What several readers of formats share: texts of failures, phases, nodeids, foreign JSON."""
