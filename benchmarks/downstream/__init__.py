"""Do pairs help? Learned on pairs of several kinds, judged on real pairs of other scenes.

python -m benchmarks.downstream [OPTIONS]          filters fitted in closed form
python -m benchmarks.downstream --full [OPTIONS]   and the `tiny` network
"""
