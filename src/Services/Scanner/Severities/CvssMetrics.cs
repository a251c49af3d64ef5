namespace EnvPlatform.Scanner.Severities;

/// <summary>Reads the metrics of a CVSS vector, without allocation: known names, allowed values, no duplicates.</summary>
internal static class CvssMetrics
{
    /// <summary>A metric and its values, each a word; the first <c>mandatory</c> of a list must be in every vector.</summary>
    public readonly record struct Metric(string Name, string[] Values)
    {
        public static Metric[] List(params string[] lines) =>
            [.. lines.Select(line => line.Split(' ')).Select(words => new Metric(words[0], words[1..]))];
    }

    /// <summary>
    /// Fills <paramref name="values"/> with the index of each metric's value, -1 where the vector does not name it.
    /// False when the vector is malformed, a mandatory metric is missing, or <paramref name="inOrder"/> and a metric is before one that
    /// precedes it in the list.
    /// </summary>
    public static bool TryRead(ReadOnlySpan<char> vector, Metric[] metrics, int mandatory, Span<int> values, bool inOrder = false)
    {
        values.Fill(-1);
        var last = -1;
        foreach (var part in vector.Split('/'))
        {
            var text = vector[part];
            var colon = text.IndexOf(':');
            if (colon <= 0)
            {
                return false;
            }

            var metric = IndexOf(metrics, text[..colon]);
            if (metric < 0 || values[metric] >= 0 || (inOrder && metric < last))
            {
                return false;
            }

            values[metric] = IndexOf(metrics[metric].Values, text[(colon + 1)..]);
            if (values[metric] < 0)
            {
                return false;
            }

            last = metric;
        }

        return values[..mandatory].IndexOf(-1) < 0;
    }

    private static int IndexOf(Metric[] metrics, ReadOnlySpan<char> name)
    {
        for (var i = 0; i < metrics.Length; i++)
        {
            if (name.SequenceEqual(metrics[i].Name))
            {
                return i;
            }
        }

        return -1;
    }

    private static int IndexOf(string[] values, ReadOnlySpan<char> value)
    {
        for (var i = 0; i < values.Length; i++)
        {
            if (value.SequenceEqual(values[i]))
            {
                return i;
            }
        }

        return -1;
    }
}
