using System.Globalization;
using System.Text;

namespace EnvPlatform.Scanner.Fuzzing;

/// <summary>The result of a run.</summary>
/// <param name="Accepted">The number of inputs that the parser accepted.</param>
/// <param name="Failure">Null when everything held.</param>
internal sealed record FuzzResult(long Inputs, long Accepted, FuzzFailure? Failure);

/// <param name="Number">Counted from 0; with the same seed and data the same input.</param>
/// <param name="Input">The shortest that still fails in the same way, as <see cref="FuzzRun.Quote"/> writes it.</param>
internal sealed record FuzzFailure(long Number, string Input, Exception Exception);

/// <summary>Gives a parser one input after another, from a seed, until one fails.</summary>
internal static class FuzzRun
{
    private const int MinimizingSteps = 20_000;
    private const int Interval = 1_024;

    /// <param name="progress">Told from time to time how many inputs and how many accepted there were.</param>
    public static FuzzResult Run(
        FuzzTarget target, long inputs, int seed, Action<long, long>? progress = null, CancellationToken ct = default)
    {
        var random = new Random(seed);
        long accepted = 0;
        for (long number = 0; number < inputs; number++)
        {
            if (number % Interval == 0)
            {
                ct.ThrowIfCancellationRequested();
                progress?.Invoke(number, accepted);
            }

            var input = target.Next(random);
            if (Try(target, input, out var isAccepted) is { } exception)
            {
                return new FuzzResult(number + 1, accepted, new FuzzFailure(number, Quote(Minimize(target, input, exception)), exception));
            }

            if (isAccepted)
            {
                accepted++;
            }
        }

        return new FuzzResult(inputs, accepted, null);
    }

    /// <summary>An input in printable ASCII, as a literal of C#.</summary>
    public static string Quote(string input)
    {
        var quoted = new StringBuilder("\"");
        foreach (var c in input)
        {
            if (c is '"' or '\\')
            {
                quoted.Append('\\').Append(c);
            }
            else if (c is >= ' ' and < '\x7f')
            {
                quoted.Append(c);
            }
            else
            {
                quoted.Append(CultureInfo.InvariantCulture, $"\\u{(int)c:x4}");
            }
        }

        return quoted.Append('"').ToString();
    }

    private static Exception? Try(FuzzTarget target, string input, out bool isAccepted)
    {
        isAccepted = false;
        try
        {
            isAccepted = target.Check(input);
            return null;
        }
        catch (Exception exception)
        {
            return exception;
        }
    }

    // Removes ever smaller pieces as long as it keeps failing.
    private static string Minimize(FuzzTarget target, string input, Exception exception)
    {
        var steps = MinimizingSteps;
        for (var size = input.Length / 2; size > 0; size /= 2)
        {
            for (var at = 0; at + size <= input.Length && steps > 0;)
            {
                var shorter = input.Remove(at, size);
                steps--;
                if (Try(target, shorter, out _) is { } same && same.GetType() == exception.GetType()
                    && (same is not BrokenPropertyException || same.Message == exception.Message))
                {
                    input = shorter;
                }
                else
                {
                    at += size;
                }
            }
        }

        return input;
    }
}
