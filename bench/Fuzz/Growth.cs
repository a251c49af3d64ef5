using EnvPlatform.Scanner.Fuzzing;

namespace EnvPlatform.Fuzz;

/// <summary>How the processor time of a parser grows with the length of its input: exponent 1 is linear, 2 is quadratic.</summary>
internal static class Growth
{
    private const int Doublings = 3;
    private const int Repetitions = 5;

    // Below this the clock and the just-in-time compiler dominate the measurement.
    private static readonly TimeSpan Telling = TimeSpan.FromMilliseconds(2);

    public static int Measure(IEnumerable<FuzzTarget> targets, int size, CancellationToken ct)
    {
        Console.WriteLine($"{"parser",-10} {"shape",-36} {"n",9} {"2n",9} {"4n",9} {"8n",9}  ms, exponent");
        foreach (var target in targets)
        {
            foreach (var shape in target.Shapes)
            {
                ct.ThrowIfCancellationRequested();
                target.CheckFully(shape.Of(size));
                var times = Enumerable.Range(0, Doublings + 1).Select(doubled => Best(target, shape.Of(size << doubled))).ToArray();
                var exponent = times[^1] < Telling ? "-" : $"{Math.Log2(times[^1] / times[^2]):0.0}";
                Console.WriteLine($"{target.Name,-10} {Short(shape.Name),-36} "
                    + $"{string.Join(' ', times.Select(time => $"{time.TotalMilliseconds,9:0.00}"))}  {exponent}");
            }
        }

        return 0;
    }

    // The minimum of a few runs: garbage collections only add time.
    private static TimeSpan Best(FuzzTarget target, string input)
    {
        var best = TimeSpan.MaxValue;
        for (var i = 0; i < Repetitions; i++)
        {
            var start = Environment.CpuUsage.TotalTime;
            target.CheckFully(input);
            var spent = Environment.CpuUsage.TotalTime - start;
            if (spent < best)
            {
                best = spent;
            }
        }

        return best;
    }

    private static string Short(string name) =>
        FuzzRun.Quote(name)[1..^1] is { Length: > 36 } text ? text[..36] : FuzzRun.Quote(name)[1..^1];
}
