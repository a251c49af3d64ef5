namespace EnvPlatform.Identity.Channels;

internal static class ChannelEndpoints
{
    public static void MapChannels(this IEndpointRouteBuilder app)
    {
        var channels = app.MapGroup("/api/v1/orgs/{org}/channels").WithTags("Channels");
        channels.MapListChannels();
        channels.MapCreateChannel();
        channels.MapGetChannel();
        channels.MapUpdateChannel();
        channels.MapDeleteChannel();
        channels.MapListChannelGroups();
        channels.MapGrantChannel();
        channels.MapWithdrawChannel();
    }
}
