namespace EnvPlatform.Scanner.Fuzzing;

/// <summary>A parser, its inputs, and the properties that must hold for every input.</summary>
/// <param name="Next">An input. For a parser of bytes each character is one byte.</param>
/// <param name="Check">
/// True when the input was accepted, false when it was refused as the parser declares. Throws <see cref="BrokenPropertyException"/>, or
/// whatever the parser should not have thrown.
/// </param>
/// <param name="Shapes">Inputs that grow: their work must grow no faster.</param>
internal sealed record FuzzTarget(string Name, Func<Random, string> Next, Func<string, bool> Check, IReadOnlyList<HostileShape> Shapes)
{
    /// <summary>The same with checks that are too slow for every input.</summary>
    public Func<string, bool> CheckFully { get; init; } = Check;
}

/// <param name="Of">The input of about so many repetitions.</param>
internal sealed record HostileShape(string Name, Func<int, string> Of);

/// <summary>A property that a parser promises did not hold.</summary>
internal sealed class BrokenPropertyException(string message) : Exception(message)
{
    public static void Require(bool holds, string property)
    {
        if (!holds)
        {
            throw new BrokenPropertyException(property);
        }
    }
}
