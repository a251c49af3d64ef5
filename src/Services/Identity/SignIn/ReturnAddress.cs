using EnvPlatform.ServiceDefaults;

namespace EnvPlatform.Identity.SignIn;

/// <summary>
/// Where a page leads when it is done: an address of this host only, whatever a link says, so that nobody is led elsewhere from a page that
/// asks for passwords.
/// </summary>
internal static class ReturnAddress
{
    private const int MaxLength = 2_000;

    /// <summary>Where a browser goes that came from nowhere.</summary>
    public const string Home = "/account";

    /// <summary>The address if it is a path of this host with its query, otherwise <see cref="Home"/>.</summary>
    public static string Local(string? address) => IsLocal(address) ? address! : Home;

    /// <summary>The address of the sign-in page that leads back to <paramref name="address"/>.</summary>
    public static string OfSignIn(string address) => $"/sign-in?return_to={Uri.EscapeDataString(address)}";

    /// <summary>
    /// <c>//host</c> is another host, and browsers read <c>\</c> as <c>/</c> (WHATWG URL, 4.4). They drop tabs and line ends before they
    /// look.
    /// </summary>
    internal static bool IsLocal(string? address) =>
        address is ['/', ..] && address.Length <= MaxLength && !address.StartsWith("//", StringComparison.Ordinal)
        && !address.Contains('\\', StringComparison.Ordinal) && !PlainText.HoldsControl(address);
}
