namespace EnvPlatform.Identity;

/// <summary>
/// Where people and programs reach the platform (<c>PUBLIC_URL</c>): in links, in the bootstrap file, and as the issuer of OAuth
/// (RFC 8414), by which programs tell it from others, to the letter.
/// </summary>
internal static class PlatformAddress
{
    private const string Default = "http://localhost:8080";

    /// <returns>Without a slash at the end.</returns>
    public static string Of(IConfiguration configuration) =>
        (configuration["PUBLIC_URL"] is { Length: > 0 } given ? given : Default).TrimEnd('/');
}
