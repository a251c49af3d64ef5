using System.Buffers.Text;
using System.Security.Cryptography;
using System.Text;

using EnvPlatform.Contracts.Ids;
using EnvPlatform.Identity.Mail;
using EnvPlatform.Identity.SignIn;
using EnvPlatform.Postgres;

namespace EnvPlatform.Identity.Notices;

/// <summary>
/// Which devices somebody has signed in with: whoever signs in from another is told of by mail, so that a person learns of a thief. A
/// browser is known by a cookie that opens nothing, a program by what it says of itself and its network. The first device of an account is
/// nobody's news.
/// </summary>
internal static class KnownDevices
{
    public const string CookieName = "__Host-envplatform-device";
    private const int RandomBytes = 32;

    /// <summary>As long as browsers keep any (RFC 6265bis section 5.5).</summary>
    private static readonly TimeSpan CookieLifetime = TimeSpan.FromDays(400);

    /// <summary>How long a device is known that is not used.</summary>
    public const int Days = 400;

    /// <summary>Notes a sign-in with the browser of the request, which gets a cookie to be known by. Whether it is a new device.</summary>
    public static Task<bool> NoteBrowserAsync(HttpContext http, Tx tx, SubjectId subject, DateTimeOffset now)
    {
        if (!http.Request.Cookies.TryGetValue(CookieName, out var device) || device.Length != Base64Url.GetEncodedLength(RandomBytes)
            || !Base64Url.IsValid(device))
        {
            device = Base64Url.EncodeToString(RandomNumberGenerator.GetBytes(RandomBytes));
        }

        http.Response.Cookies.Append(
            CookieName, device,
            new() { Path = "/", Secure = true, HttpOnly = true, SameSite = SameSiteMode.Lax, MaxAge = CookieLifetime });
        return NoteAsync(tx, subject, $"browser {device}", now);
    }

    /// <summary>The same for a program, by whatever tells it from others.</summary>
    public static async Task<bool> NoteAsync(Tx tx, SubjectId subject, string device, DateTimeOffset now)
    {
        var sha256 = SHA256.HashData(Encoding.UTF8.GetBytes($"{subject} {device}"));
        var hasOthers = await tx.QuerySingleAsync<bool>(
            "select exists (select from known_devices where subject_id = @subject and sha256 <> @sha256)", new { subject, sha256 });
        var isNew = await tx.ExecuteAsync(
            """
            insert into known_devices (subject_id, sha256, first_used_at, last_used_at) values (@subject, @sha256, @now, @now)
            on conflict do nothing
            """, new { subject, sha256, now }) == 1;
        if (!isNew)
        {
            await tx.ExecuteAsync(
                "update known_devices set last_used_at = @now where subject_id = @subject and sha256 = @sha256",
                new { subject, sha256, now });
        }

        return isNew && hasOthers;
    }

    /// <summary>Tells the person by mail, where mail is sent.</summary>
    /// <param name="what">What was used, as far as it says so itself: anything.</param>
    /// <param name="address">Where it came from; null where that is not known.</param>
    public static async Task TellAsync(Tx tx, MailSender mail, string email, string what, string? address, DateTimeOffset now)
    {
        if (!mail.IsOn)
        {
            return;
        }

        await new Notice(
            email, "New sign-in to your account", "Your account was signed in to from a device that it was not used with before:",
            [
                $"When: {now.UtcDateTime:yyyy-MM-dd HH:mm} UTC", $"From: {address ?? "not known"}",
                $"With: {(what.Length <= MaxShown ? what : what[..MaxShown])}",
            ],
            "If that was you, there is nothing to do. If it was not, change your password at once: all sign-ins end with it. Then tell an "
            + "administrator of your organization.", ReturnAddress.Home).QueueAsync(tx, now);
    }

    private const int MaxShown = 200;
}
