using System.Diagnostics;

using EnvPlatform.Scanner.Fuzzing;

namespace EnvPlatform.Fuzz;

/// <summary>Runs one parser after another, with a line every ten seconds and one at the end of each parser.</summary>
internal static class LongRun
{
    private static readonly TimeSpan Interval = TimeSpan.FromSeconds(10);

    /// <returns>1 when an input failed.</returns>
    public static int Run(IEnumerable<FuzzTarget> targets, long inputs, int seed, CancellationToken ct)
    {
        var failed = false;
        Console.WriteLine($"seed {seed}, {inputs:N0} inputs for each parser");
        foreach (var target in targets)
        {
            var clock = Stopwatch.StartNew();
            var shown = TimeSpan.Zero;
            var result = FuzzRun.Run(target, inputs, seed, Show, ct);
            Console.WriteLine(Line(target, result.Inputs, result.Accepted, clock.Elapsed));
            if (result.Failure is not { } failure)
            {
                continue;
            }

            failed = true;
            Console.WriteLine($"  FAILED at input {failure.Number}: {failure.Exception.GetType().Name}: {failure.Exception.Message}");
            Console.WriteLine($"  shortest: {failure.Input}");
            Console.WriteLine($"  {failure.Exception.StackTrace}");

            void Show(long number, long accepted)
            {
                if (clock.Elapsed - shown < Interval)
                {
                    return;
                }

                shown = clock.Elapsed;
                Console.WriteLine(Line(target, number, accepted, shown));
            }
        }

        return failed ? 1 : 0;
    }

    private static string Line(FuzzTarget target, long inputs, long accepted, TimeSpan elapsed) =>
        $"{target.Name,-10} {inputs,12:N0} inputs  {accepted,12:N0} accepted  {elapsed.TotalSeconds,7:N1} s  "
        + $"{inputs / Math.Max(0.001, elapsed.TotalSeconds),10:N0}/s";
}
