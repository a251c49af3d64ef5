namespace EnvPlatform.Gateway.Callers;

/// <summary>The result of looking up a token.</summary>
internal abstract record TokenLookup
{
    private TokenLookup()
    {
    }

    public sealed record Good(Bearer Bearer) : TokenLookup;

    public sealed record Bad : TokenLookup
    {
        public static readonly Bad Instance = new();
    }

    /// <summary>Identity cannot be reached, and did not confirm the token recently.</summary>
    public sealed record Unknown : TokenLookup
    {
        public static readonly Unknown Instance = new();
    }

    /// <summary>
    /// The token is bad, and more bad ones than allowed came from the address in the last minute; or so many come that this one could not
    /// be looked up.
    /// </summary>
    public sealed record TooManyFailures(TimeSpan Wait) : TokenLookup;
}
